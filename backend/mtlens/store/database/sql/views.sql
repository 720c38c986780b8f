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
