-- Views of trained models: scores, costs, learning curves and confusion counts, over the seeds of each model.
-- A model is one kind of run and set of tasks. Its runs are those of the chosen grid point, and of the first one until the
-- choice is made.

CREATE VIEW model_scores AS
SELECT
    experiment.name AS experiment, experiment_run.experiment_id, role, run.tasks, metric.task, split, metric.name AS metric,
    avg(value) AS mean, stddev_samp(value) AS deviation, min(value) AS low, max(value) AS high,
    count(DISTINCT run_id) AS seeds
FROM experiment_run
JOIN experiment USING (experiment_id)
JOIN run USING (run_id)
JOIN metric USING (run_id)
LEFT JOIN task ON task.experiment_id = experiment_run.experiment_id AND task.task = metric.task
LEFT JOIN run_kind ON run_kind.name = role
WHERE coalesce(selected, candidate = 0) AND "class" IS NULL AND isfinite(value)
GROUP BY experiment.name, experiment_run.experiment_id, role, run.tasks, metric.task, split, metric.name
ORDER BY max(experiment.last_started) DESC, experiment_run.experiment_id, split, metric.name, min(run_kind.position), role,
    min(task.position), metric.task, run.tasks;

CREATE VIEW model_costs AS
WITH model AS (
    SELECT
        experiment_id, role, run.tasks, count(DISTINCT seed) AS seeds, avg(parameters) AS parameters,
        avg(trainable_parameters) AS trainable_parameters,
        avg(seconds + coalesce(TRY_CAST(facts ->> 'source_seconds' AS DOUBLE), 0)) AS seconds,
        avg(TRY_CAST(facts ->> 'inference_seconds' AS DOUBLE)) AS inference_seconds,
        max(peak_memory_bytes) AS peak_memory_bytes
    FROM experiment_run
    JOIN run USING (run_id)
    WHERE coalesce(selected, candidate = 0) AND state = 'done'
    GROUP BY experiment_id, role, run.tasks
)
SELECT
    experiment.name AS experiment, model.experiment_id, role, count(*) AS models, min(model.seeds) AS seeds,
    CAST(sum(parameters) AS DOUBLE) AS parameters, CAST(sum(trainable_parameters) AS DOUBLE) AS trainable_parameters,
    sum(seconds) AS seconds, if(count(inference_seconds) = count(*), sum(inference_seconds), NULL) AS inference_seconds,
    CAST(max(peak_memory_bytes) AS DOUBLE) AS peak_memory_bytes
FROM model
JOIN experiment USING (experiment_id)
JOIN (SELECT experiment_id, count(*) AS number FROM task GROUP BY experiment_id) AS task USING (experiment_id)
JOIN run_kind ON run_kind.name = role
WHERE run_kind.asked_by IS NOT NULL OR run_kind.arm IS NOT NULL
GROUP BY experiment.name, model.experiment_id, role
HAVING len(list_distinct(flatten(list(model.tasks)))) >= max(task.number)
ORDER BY max(experiment.last_started) DESC, model.experiment_id, min(run_kind.position);

CREATE VIEW learning_curves AS
SELECT
    experiment.name AS experiment, experiment_id, run_id, role, run.tasks, run.seed, candidate, selected, state, best_epoch,
    still_improving, newest.epoch, TRY_CAST(payload ->> 'validation' AS DOUBLE) AS validation,
    TRY_CAST(payload ->> 'loss' AS DOUBLE) AS validation_loss,
    coalesce(TRY_CAST(payload ->> 'training_loss' AS DOUBLE), reported.loss) AS training_loss
FROM experiment_run
JOIN experiment USING (experiment_id)
JOIN run USING (run_id)
JOIN (
    SELECT run_id, epoch, arg_max(payload, (journal, position)) AS payload
    FROM event WHERE kind = 'epoch' AND epoch IS NOT NULL
    GROUP BY run_id, epoch
) AS newest USING (run_id)
LEFT JOIN (  -- of runs of version 0.1, which told the training loss while they trained only
    SELECT run_id, epoch, avg(list_avg(TRY_CAST(payload -> 'losses' AS DOUBLE[]))) AS loss
    FROM event WHERE kind = 'progress' GROUP BY run_id, epoch
) AS reported ON reported.run_id = experiment_run.run_id AND reported.epoch = newest.epoch
LEFT JOIN run_kind ON run_kind.name = role
WHERE newest.epoch <= coalesce(epochs_run, newest.epoch)  -- an earlier attempt may have had more
ORDER BY experiment.last_started DESC, experiment_id, run_kind.position, role, run.tasks, candidate, run.seed, run_id, newest.epoch;

CREATE VIEW confusion AS
WITH cell AS (
    SELECT
        experiment_id, role, run.tasks, prediction.task, split, run_id, prediction.label, predicted, count(*) AS number
    FROM experiment_run
    JOIN run USING (run_id)
    JOIN prediction USING (run_id)
    WHERE coalesce(selected, candidate = 0) AND prediction.label IS NOT NULL
    GROUP BY experiment_id, role, run.tasks, prediction.task, split, run_id, prediction.label, predicted
)
SELECT
    experiment.name AS experiment, cell.experiment_id, role, cell.tasks, cell.task, split, cell.label, predicted,
    CAST(sum(number) AS BIGINT) AS examples, any_value(cell.seeds) AS seeds
FROM (
    SELECT *, count(DISTINCT run_id) OVER (PARTITION BY experiment_id, role, tasks, task, split) AS seeds FROM cell
) AS cell
JOIN experiment USING (experiment_id)
LEFT JOIN run_kind ON run_kind.name = role
GROUP BY experiment.name, cell.experiment_id, role, cell.tasks, cell.task, split, cell.label, predicted
ORDER BY max(experiment.last_started) DESC, cell.experiment_id, cell.task, split, min(run_kind.position), role, cell.tasks,
    cell.label, predicted;
