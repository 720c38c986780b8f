-- Views of the store: the questions that people ask most. Names and columns are public.

CREATE VIEW score AS
SELECT task.experiment_id, metric.run_id, metric.split, metric.task, metric.name AS metric, metric.value
FROM metric
JOIN (SELECT DISTINCT experiment_id, run_id FROM experiment_run) AS asked USING (run_id)
JOIN task ON task.experiment_id = asked.experiment_id AND task.task = metric.task AND task.metric = metric.name;
COMMENT ON VIEW score IS 'Score of each finished run by the metric of each of its tasks';
COMMENT ON COLUMN score.experiment_id IS 'Experiment';
COMMENT ON COLUMN score.run_id IS 'Run';
COMMENT ON COLUMN score.split IS 'validation or test';
COMMENT ON COLUMN score.task IS 'Task';
COMMENT ON COLUMN score.metric IS 'Metric of the task';
COMMENT ON COLUMN score.value IS 'Score';

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
        avg(value) FILTER (split = 'validation') AS validation_score,
        avg(value) FILTER (split = 'test') AS test_score
    FROM score
    GROUP BY experiment_id, run_id
) USING (experiment_id, run_id)
LEFT JOIN run_kind ON run_kind.name = role
ORDER BY experiment.last_started DESC, experiment_id, run_kind.position, role, tasks, candidate, seed, run_id;
COMMENT ON VIEW runs IS 'One line per experiment and run; heartbeat age is the current UTC time minus last_event';
COMMENT ON COLUMN runs.experiment IS 'Name of the experiment';
COMMENT ON COLUMN runs.experiment_id IS 'Content hash of the experiment file';
COMMENT ON COLUMN runs.run_id IS 'Content hash of the run';
COMMENT ON COLUMN runs.role IS 'Kind of run; see run_kind';
COMMENT ON COLUMN runs.candidate IS 'Grid point, from 0';
COMMENT ON COLUMN runs.selected IS 'Grid point is the one compared; NULL: not decided yet';
COMMENT ON COLUMN runs.tasks IS 'Tasks, joined by commas; NULL while waiting';
COMMENT ON COLUMN runs.method IS 'full or lora';
COMMENT ON COLUMN runs.seed IS 'Seed';
COMMENT ON COLUMN runs.state IS 'waiting, unfinished, done, failed or damaged';
COMMENT ON COLUMN runs.epoch IS 'Epoch of the newest event that names one';
COMMENT ON COLUMN runs.epochs IS 'Epochs asked for';
COMMENT ON COLUMN runs.fraction IS 'How much of the training is done, 0 to 1';
COMMENT ON COLUMN runs.validation_score IS 'Score on validation by the metrics of the tasks, mean over the tasks of the run';
COMMENT ON COLUMN runs.test_score IS 'Score on test by the metrics of the tasks, mean over the tasks of the run';
COMMENT ON COLUMN runs.learning_rate IS 'Peak learning rate of the encoder, or of the adapters';
COMMENT ON COLUMN runs.seconds IS 'Training time';
COMMENT ON COLUMN runs.started IS 'When training first started, UTC';
COMMENT ON COLUMN runs.finished IS 'When it was done or failed, UTC';
COMMENT ON COLUMN runs.last_event IS 'When it last wrote to its journal, UTC';
COMMENT ON COLUMN runs.reason IS 'Why it failed or is damaged';

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
    examples,
    comparison.margin,
    verdict,
    needed,
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
COMMENT ON VIEW matching IS 'Does the multi-task model match the task-specific ones? One line per task, the pooled one last';
COMMENT ON COLUMN matching.experiment IS 'Name of the experiment';
COMMENT ON COLUMN matching.experiment_id IS 'Content hash of the experiment file';
COMMENT ON COLUMN matching.kind IS 'Kind of models compared with the task-specific ones; see run_kind';
COMMENT ON COLUMN matching.scope IS 'task, or pooled: the mean of all tasks';
COMMENT ON COLUMN matching.task IS 'Task; NULL where pooled';
COMMENT ON COLUMN matching.metric IS 'Metric of the scores; NULL where pooled over tasks with different metrics';
COMMENT ON COLUMN matching.single_mean IS 'Test score of the task-specific models by the metric of the task, mean over seeds';
COMMENT ON COLUMN matching.multi_mean IS 'Test score of the models compared with them, mean over seeds';
COMMENT ON COLUMN matching.difference IS 'multi_mean - single_mean';
COMMENT ON COLUMN matching.low90 IS '90 % interval of the difference; NULL: unbounded, as with one seed';
COMMENT ON COLUMN matching.high90 IS '90 % interval of the difference; NULL: unbounded';
COMMENT ON COLUMN matching.low95 IS '95 % interval of the difference; NULL: unbounded';
COMMENT ON COLUMN matching.high95 IS '95 % interval of the difference; NULL: unbounded';
COMMENT ON COLUMN matching.seeds IS 'Number of seeds that both have finished';
COMMENT ON COLUMN matching.examples IS 'Labelled test examples';
COMMENT ON COLUMN matching.margin IS 'Largest difference that counts as a match, set beforehand';
COMMENT ON COLUMN matching.verdict IS 'matches, better, worse or inconclusive';
COMMENT ON COLUMN matching.needed IS 'What would settle an inconclusive comparison';
COMMENT ON COLUMN matching.p_equivalence IS 'p against a difference as large as the margin, after Holm; below 0.05: matches';
COMMENT ON COLUMN matching.p_difference IS 'One-sided p against no difference, after Holm; below 0.05: better or worse';
COMMENT ON COLUMN matching.method IS 'How interval and verdict were computed';
COMMENT ON COLUMN matching.latest IS 'Of the experiments of this name, the one started last';
