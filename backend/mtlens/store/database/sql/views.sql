-- Views of runs and verdicts. The columns of each view are described by its class in mtlens/store/tables.

CREATE VIEW score AS
SELECT
    task.experiment_id, metric.run_id, metric.split, metric.task, metric.name AS metric, metric.value,
    if(higher_is_better, metric.value, -metric.value) / unit AS score
FROM metric
JOIN (SELECT DISTINCT experiment_id, run_id FROM experiment_run) AS asked USING (run_id)
JOIN task ON task.experiment_id = asked.experiment_id AND task.task = metric.task AND task.metric = metric.name
WHERE metric."class" IS NULL;

CREATE VIEW runs AS
SELECT
    experiment.name AS experiment,
    experiment_id,
    run_id,
    role,
    candidate,
    selected,
    array_to_string(run.tasks, ', ') AS tasks,
    method,
    seed,
    fold,
    coalesce(state, 'waiting') AS state,
    epoch,
    epochs,
    coalesce(fraction, 0) AS fraction,
    validation_score,
    test_score,
    learning_rate,
    retries,
    collapsed,
    seconds,
    started,
    finished,
    last_event,
    reason
FROM experiment_run
JOIN experiment USING (experiment_id)
LEFT JOIN run USING (run_id)
LEFT JOIN (
    SELECT
        experiment_id,
        run_id,
        avg(score) FILTER (split = 'validation') AS validation_score,
        avg(score) FILTER (split = 'test') AS test_score
    FROM score
    GROUP BY experiment_id, run_id
) USING (experiment_id, run_id)
LEFT JOIN run_kind ON run_kind.name = role
ORDER BY experiment.last_started DESC, experiment_id, run_kind.position, role, tasks, candidate, seed, run_id;

CREATE VIEW matching AS
SELECT
    experiment.name AS experiment,
    experiment.experiment_id,
    kind,
    if(comparison.task IS NULL, 'pooled', 'task') AS scope,
    comparison.task,
    comparison.metric,
    single_mean,
    multi_mean,
    difference,
    low90,
    high90,
    low95,
    high95,
    len(comparison.seeds) AS seeds,
    experiment.folds,
    examples,
    comparison.margin,
    verdict,
    needed,
    not_learnt,
    single_collapsed,
    multi_collapsed,
    still_improving,
    adjusted_p_equivalence AS p_equivalence,
    least(adjusted_p_better, adjusted_p_worse) AS p_difference,
    method,
    experiment.experiment_id = newest.experiment_id AS latest
FROM comparison
JOIN experiment USING (experiment_id)
JOIN (
    SELECT name, arg_max(experiment_id, (last_started, experiment_id)) AS experiment_id FROM experiment GROUP BY name
) AS newest ON newest.name = experiment.name
LEFT JOIN task ON task.experiment_id = experiment.experiment_id AND task.task = comparison.task
LEFT JOIN run_kind ON run_kind.name = kind
ORDER BY experiment.last_started DESC, experiment.experiment_id, run_kind.position, kind, task.position NULLS LAST;

CREATE VIEW looks AS
SELECT
    experiment.name AS experiment,
    look.experiment_id,
    kind,
    look,
    len(experiment.looks) AS looks,
    look.seeds,
    if(look.task IS NULL, 'pooled', 'task') AS scope,
    look.task,
    difference,
    low90,
    high90,
    level,
    p_equivalence,
    least(p_better, p_worse) AS p_difference,
    verdict,
    list_max(chances) AS chance,
    look.experiment_id = newest.experiment_id AS latest
FROM look
JOIN experiment USING (experiment_id)
JOIN (
    SELECT name, arg_max(experiment_id, (last_started, experiment_id)) AS experiment_id FROM experiment GROUP BY name
) AS newest ON newest.name = experiment.name
LEFT JOIN task ON task.experiment_id = look.experiment_id AND task.task = look.task
LEFT JOIN run_kind ON run_kind.name = kind
ORDER BY experiment.last_started DESC, look.experiment_id, run_kind.position, kind, look, task.position NULLS LAST;

CREATE VIEW arms AS
WITH verdict_of AS (
    SELECT
        experiment_id, kind, list(task.task ORDER BY position) AS tasks, list(verdict ORDER BY position) AS verdicts,
        count(*) FILTER (verdict IN ('matches', 'better')) AS matching, len(any_value(seeds)) AS seeds
    FROM comparison
    JOIN task USING (experiment_id, task)
    GROUP BY experiment_id, kind
),
measured AS (
    SELECT
        experiment_id, role AS kind, avg(TRY_CAST(facts ->> 'conflict_rate' AS DOUBLE)) AS conflict_rate,
        avg(TRY_CAST(facts ->> 'gradient_cosine' AS DOUBLE)) AS gradient_cosine, CAST(sum(retries) AS BIGINT) AS retries
    FROM experiment_run
    JOIN run USING (run_id)
    WHERE coalesce(selected, candidate = 0) AND state = 'done'
    GROUP BY experiment_id, role
),
validated AS (
    SELECT experiment_id, role AS kind, avg(score.score) AS validation_score
    FROM experiment_run
    JOIN score USING (experiment_id, run_id)
    WHERE coalesce(selected, candidate = 0) AND split = 'validation' AND isfinite(value)
    GROUP BY experiment_id, role
),
alike AS (  -- in the last layer, which the heads see
    SELECT measure.experiment_id, kind, avg(measure.similarity) AS cka
    FROM summary.similarity AS measure
    JOIN experiment USING (experiment_id)
    WHERE features = 'hidden' AND estimator = 'debiased' AND pooling = if(specification ->> '$.encoder.pooling' = 'mean', 'mean', 'cls')
        AND layer = (SELECT max(layer) FROM summary.similarity AS other WHERE other.experiment_id = measure.experiment_id)
    GROUP BY measure.experiment_id, kind
)
SELECT
    experiment.name AS experiment, experiment.experiment_id, run_kind.arm, verdict_of.kind, run_kind.label, verdict_of.tasks,
    verdicts, matching, validation_score, comparison.metric, comparison.margin, single_mean, multi_mean,
    difference, low90, high90, verdict, verdict_of.seeds,
    cost.seconds, cost.inference_seconds, cost.peak_memory_bytes, alone.seconds AS single_seconds,
    alone.inference_seconds AS single_inference_seconds, alone.peak_memory_bytes AS single_peak_memory_bytes, conflict_rate,
    gradient_cosine, cka, shortfall, coalesce(recommended, false) AS recommended, statement,
    coalesce(retries, 0) AS retries, experiment.experiment_id = newest.experiment_id AS latest
FROM verdict_of
JOIN run_kind ON run_kind.name = verdict_of.kind AND run_kind.arm IS NOT NULL
JOIN experiment USING (experiment_id)
JOIN (
    SELECT name, arg_max(experiment_id, (last_started, experiment_id)) AS experiment_id FROM experiment GROUP BY name
) AS newest ON newest.name = experiment.name
LEFT JOIN comparison ON comparison.experiment_id = verdict_of.experiment_id AND comparison.kind = verdict_of.kind
    AND comparison.task IS NULL
LEFT JOIN model_costs AS cost ON cost.experiment_id = verdict_of.experiment_id AND cost.role = verdict_of.kind
LEFT JOIN model_costs AS alone ON alone.experiment_id = verdict_of.experiment_id AND alone.role = 'single'
LEFT JOIN measured ON measured.experiment_id = verdict_of.experiment_id AND measured.kind = verdict_of.kind
LEFT JOIN arm_choice ON arm_choice.experiment_id = verdict_of.experiment_id AND arm_choice.kind = verdict_of.kind
LEFT JOIN alike ON alike.experiment_id = verdict_of.experiment_id AND alike.kind = verdict_of.kind
LEFT JOIN validated ON validated.experiment_id = verdict_of.experiment_id AND validated.kind = verdict_of.kind
ORDER BY experiment.last_started DESC, experiment.experiment_id, run_kind.position;
