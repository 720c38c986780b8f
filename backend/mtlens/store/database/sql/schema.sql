-- Tables of the store. Names and columns are public: people query them. All times are UTC.
-- A change here needs a new SCHEMA_VERSION in writer.py: stores of an older version are made anew from the run folders.

CREATE TABLE store_info (schema_version INTEGER, created TIMESTAMP, mtlens_version VARCHAR, snapshot VARCHAR);
COMMENT ON TABLE store_info IS 'One row about this database';
COMMENT ON COLUMN store_info.schema_version IS 'Version of these tables';
COMMENT ON COLUMN store_info.created IS 'When the database was made from the run folders';
COMMENT ON COLUMN store_info.mtlens_version IS 'mtlens that made it';
COMMENT ON COLUMN store_info.snapshot IS 'Name of the published copy that shows this content; NULL if none does yet';

CREATE TABLE run_kind (
    position INTEGER, name VARCHAR, label VARCHAR, description VARCHAR, asked_by VARCHAR, title VARCHAR, colour VARCHAR,
    compared BOOLEAN, control BOOLEAN
);
COMMENT ON TABLE run_kind IS 'Kinds of runs and of models compared, as mtlens knew them at the last ingest';
COMMENT ON COLUMN run_kind.position IS 'Place in tables and figures, from 0';
COMMENT ON COLUMN run_kind.name IS 'Name, as in experiment_run.role and comparison.kind';
COMMENT ON COLUMN run_kind.label IS 'Short name of its models';
COMMENT ON COLUMN run_kind.description IS 'What it is';
COMMENT ON COLUMN run_kind.asked_by IS 'Word under runs: in an experiment file; NULL where no file asks for it';
COMMENT ON COLUMN run_kind.title IS 'Heading of its comparison with the task-specific models; NULL where it is not compared';
COMMENT ON COLUMN run_kind.colour IS 'Its colour in figures; empty: the default one';
COMMENT ON COLUMN run_kind.compared IS 'Whether it is compared with the task-specific models';
COMMENT ON COLUMN run_kind.control IS 'Whether it is a control, which must come out worse';

CREATE TABLE experiment (
    experiment_id VARCHAR PRIMARY KEY, name VARCHAR, created TIMESTAMP, last_started TIMESTAMP, margin DOUBLE,
    seeds BIGINT[], encoder VARCHAR, specification JSON, notes VARCHAR[]
);
COMMENT ON TABLE experiment IS 'One row per experiment: does one multi-task model match the task-specific ones?';
COMMENT ON COLUMN experiment.experiment_id IS 'Content hash of the experiment file, resources and search left out';
COMMENT ON COLUMN experiment.name IS 'Name in the experiment file; several versions may share it';
COMMENT ON COLUMN experiment.created IS 'When the experiment was first started';
COMMENT ON COLUMN experiment.last_started IS 'When it became the one that was started last';
COMMENT ON COLUMN experiment.margin IS 'Largest difference of scores that still counts as a match, set beforehand';
COMMENT ON COLUMN experiment.seeds IS 'Seeds of every run';
COMMENT ON COLUMN experiment.encoder IS 'Pretrained encoder';
COMMENT ON COLUMN experiment.specification IS 'The whole experiment file';
COMMENT ON COLUMN experiment.notes IS 'Remarks on the data';

CREATE TABLE task (
    experiment_id VARCHAR, position INTEGER, task VARCHAR, label_column VARCHAR, task_kind VARCHAR, metric VARCHAR, classes VARCHAR[], weight DOUBLE,
    class_counts JSON
);
COMMENT ON TABLE task IS 'Tasks of each experiment';
COMMENT ON COLUMN task.experiment_id IS 'Experiment';
COMMENT ON COLUMN task.position IS 'Place in the experiment file, from 0';
COMMENT ON COLUMN task.task IS 'Name of the task';
COMMENT ON COLUMN task.label_column IS 'Column of the data that holds its labels';
COMMENT ON COLUMN task.task_kind IS 'Kind of task, such as classes';
COMMENT ON COLUMN task.metric IS 'Metric that its verdicts rest on';
COMMENT ON COLUMN task.classes IS 'Class names; a class index counts from 0 and a SQL list from 1';
COMMENT ON COLUMN task.weight IS 'Share of its loss in a multi-task model';
COMMENT ON COLUMN task.class_counts IS 'Examples per split and class';

CREATE TABLE example (experiment_id VARCHAR, example_id VARCHAR, split VARCHAR, cluster INTEGER);
COMMENT ON TABLE example IS 'Examples of each experiment; never their text';
COMMENT ON COLUMN example.experiment_id IS 'Experiment';
COMMENT ON COLUMN example.example_id IS 'Id in the data, or table and row number';
COMMENT ON COLUMN example.split IS 'train, validation or test';
COMMENT ON COLUMN example.cluster IS 'Examples of one cluster, such as a patient, are not independent';

CREATE TABLE experiment_run (experiment_id VARCHAR, run_id VARCHAR, role VARCHAR, candidate INTEGER, selected BOOLEAN);
COMMENT ON TABLE experiment_run IS 'Which runs an experiment asks for; equal runs are trained once and shared';
COMMENT ON COLUMN experiment_run.experiment_id IS 'Experiment';
COMMENT ON COLUMN experiment_run.run_id IS 'Run; not in table run before its training has started';
COMMENT ON COLUMN experiment_run.role IS 'Kind of run; see run_kind';
COMMENT ON COLUMN experiment_run.candidate IS 'Grid point, from 0';
COMMENT ON COLUMN experiment_run.selected IS
    'Grid point is the best on validation and the one compared; NULL until all of its grid has ended';

CREATE TABLE run (
    run_id VARCHAR PRIMARY KEY, tasks VARCHAR[], method VARCHAR, seed BIGINT, state VARCHAR, started TIMESTAMP,
    finished TIMESTAMP, seconds DOUBLE, wall_seconds DOUBLE, epochs_run INTEGER, best_epoch INTEGER, updates BIGINT,
    parameters BIGINT, trainable_parameters BIGINT, peak_memory_bytes BIGINT, gpu_utilisation DOUBLE, device VARCHAR,
    precision VARCHAR, threads INTEGER, learning_rate DOUBLE, epochs INTEGER, batch_size INTEGER, configuration JSON,
    versions JSON, facts JSON, reason VARCHAR, epoch INTEGER, fraction DOUBLE, last_event TIMESTAMP
);
COMMENT ON TABLE run IS 'One row per training that has started';
COMMENT ON COLUMN run.run_id IS 'Content hash of everything that decides the result; name of its folder';
COMMENT ON COLUMN run.tasks IS 'Tasks that share the encoder';
COMMENT ON COLUMN run.method IS 'full: all weights; lora: low-rank adapters';
COMMENT ON COLUMN run.seed IS 'Seed of initialisation, order and dropout';
COMMENT ON COLUMN run.state IS 'unfinished, done, failed, or damaged (its files cannot be read)';
COMMENT ON COLUMN run.started IS 'When training first started';
COMMENT ON COLUMN run.finished IS 'When it was done or failed';
COMMENT ON COLUMN run.seconds IS 'Training time';
COMMENT ON COLUMN run.wall_seconds IS 'Time with loading and evaluation';
COMMENT ON COLUMN run.epochs_run IS 'Epochs trained; fewer than epochs after an early stop';
COMMENT ON COLUMN run.best_epoch IS 'Epoch whose weights were kept';
COMMENT ON COLUMN run.updates IS 'Optimiser steps';
COMMENT ON COLUMN run.parameters IS 'Weights of the model';
COMMENT ON COLUMN run.trainable_parameters IS 'Weights that training may change';
COMMENT ON COLUMN run.peak_memory_bytes IS 'Largest memory in use';
COMMENT ON COLUMN run.gpu_utilisation IS 'Share of training in which the GPU computed, 0 to 1; NULL on a CPU';
COMMENT ON COLUMN run.device IS 'What it was trained on';
COMMENT ON COLUMN run.precision IS 'float32 or bfloat16';
COMMENT ON COLUMN run.threads IS 'CPU threads';
COMMENT ON COLUMN run.learning_rate IS 'Peak learning rate of the encoder, or of the adapters';
COMMENT ON COLUMN run.epochs IS 'Epochs asked for';
COMMENT ON COLUMN run.batch_size IS 'Examples per update';
COMMENT ON COLUMN run.configuration IS 'The whole configuration';
COMMENT ON COLUMN run.versions IS 'Versions of the libraries';
COMMENT ON COLUMN run.facts IS 'All that training reported at its end';
COMMENT ON COLUMN run.reason IS 'Why it failed or is damaged';
COMMENT ON COLUMN run.epoch IS 'Epoch of the newest event that names one';
COMMENT ON COLUMN run.fraction IS 'How much of the training is done, 0 to 1';
COMMENT ON COLUMN run.last_event IS 'Sign of life: when it last wrote to its journal';

CREATE TABLE metric (run_id VARCHAR, split VARCHAR, task VARCHAR, name VARCHAR, "class" VARCHAR, value DOUBLE);
COMMENT ON TABLE metric IS 'Scores of finished runs';
COMMENT ON COLUMN metric.run_id IS 'Run';
COMMENT ON COLUMN metric.split IS 'validation or test';
COMMENT ON COLUMN metric.task IS 'Task';
COMMENT ON COLUMN metric.name IS 'Metric, such as macro_f1, accuracy, ece (calibration error) or loss; f1 is that of one class';
COMMENT ON COLUMN metric."class" IS 'Class that f1 speaks of; else NULL';
COMMENT ON COLUMN metric.value IS 'Score';

CREATE TABLE prediction (
    run_id VARCHAR, split VARCHAR, task VARCHAR, example_id VARCHAR, label SMALLINT, predicted SMALLINT,
    probabilities FLOAT[]
);
COMMENT ON TABLE prediction IS 'What finished runs say about each labelled example of validation and test';
COMMENT ON COLUMN prediction.run_id IS 'Run';
COMMENT ON COLUMN prediction.split IS 'validation or test';
COMMENT ON COLUMN prediction.task IS 'Task';
COMMENT ON COLUMN prediction.example_id IS 'Example';
COMMENT ON COLUMN prediction.label IS 'Index of the true class, from 0';
COMMENT ON COLUMN prediction.predicted IS 'Index of the predicted class, from 0';
COMMENT ON COLUMN prediction.probabilities IS 'Probability of each class';

CREATE TABLE comparison (
    experiment_id VARCHAR, kind VARCHAR, task VARCHAR, metric VARCHAR, single_mean DOUBLE, multi_mean DOUBLE, single_per_seed DOUBLE[],
    multi_per_seed DOUBLE[], seeds BIGINT[], difference DOUBLE, standard_error DOUBLE, degrees_of_freedom DOUBLE,
    low90 DOUBLE, high90 DOUBLE, low95 DOUBLE, high95 DOUBLE, p_equivalence DOUBLE, p_better DOUBLE, p_worse DOUBLE,
    adjusted_p_equivalence DOUBLE, adjusted_p_better DOUBLE, adjusted_p_worse DOUBLE, disagreement_rate DOUBLE,
    examples INTEGER, clusters INTEGER, margin DOUBLE, verdict VARCHAR, needed VARCHAR, method VARCHAR
);
COMMENT ON TABLE comparison IS 'Other models against the task-specific ones, on the test split';
COMMENT ON COLUMN comparison.experiment_id IS 'Experiment';
COMMENT ON COLUMN comparison.kind IS 'Kind of models compared with the task-specific ones; see run_kind';
COMMENT ON COLUMN comparison.task IS 'Task; NULL: the mean of all tasks';
COMMENT ON COLUMN comparison.metric IS 'Metric of the scores; NULL: the mean over tasks with different metrics';
COMMENT ON COLUMN comparison.single_mean IS 'Score of the task-specific models by the metric of the task, mean over seeds';
COMMENT ON COLUMN comparison.multi_mean IS 'Score of the models compared with them, mean over seeds';
COMMENT ON COLUMN comparison.single_per_seed IS 'Score of the task-specific models, in the order of seeds';
COMMENT ON COLUMN comparison.multi_per_seed IS 'Score of the models compared with them, in the order of seeds';
COMMENT ON COLUMN comparison.seeds IS 'Seeds that both have finished';
COMMENT ON COLUMN comparison.difference IS 'multi_mean - single_mean';
COMMENT ON COLUMN comparison.standard_error IS 'Of the difference, from examples and seeds; NULL: unbounded';
COMMENT ON COLUMN comparison.degrees_of_freedom IS 'Of Student''s t';
COMMENT ON COLUMN comparison.low90 IS '90 % interval of the difference; NULL: unbounded, as with one seed';
COMMENT ON COLUMN comparison.high90 IS '90 % interval of the difference; NULL: unbounded';
COMMENT ON COLUMN comparison.low95 IS '95 % interval of the difference; NULL: unbounded';
COMMENT ON COLUMN comparison.high95 IS '95 % interval of the difference; NULL: unbounded';
COMMENT ON COLUMN comparison.p_equivalence IS 'Larger p of the two one-sided tests against the margin';
COMMENT ON COLUMN comparison.p_better IS 'One-sided p against: not better than single';
COMMENT ON COLUMN comparison.p_worse IS 'One-sided p against: not worse than single';
COMMENT ON COLUMN comparison.adjusted_p_equivalence IS 'p_equivalence after Holm over the tasks; below 0.05: matches';
COMMENT ON COLUMN comparison.adjusted_p_better IS 'p_better after Holm over the tasks; below 0.05: better';
COMMENT ON COLUMN comparison.adjusted_p_worse IS 'p_worse after Holm over the tasks; below 0.05: worse';
COMMENT ON COLUMN comparison.disagreement_rate IS 'Share of examples that exactly one of the two gets right';
COMMENT ON COLUMN comparison.examples IS 'Labelled test examples';
COMMENT ON COLUMN comparison.clusters IS 'Independent clusters among them';
COMMENT ON COLUMN comparison.margin IS 'Largest difference that counts as a match';
COMMENT ON COLUMN comparison.verdict IS 'matches, better, worse or inconclusive';
COMMENT ON COLUMN comparison.needed IS 'What would settle an inconclusive comparison';
COMMENT ON COLUMN comparison.method IS 'How interval and verdict were computed';

CREATE TABLE event (
    run_id VARCHAR, journal INTEGER, position BIGINT, time TIMESTAMP, kind VARCHAR, epoch INTEGER, step BIGINT,
    fraction DOUBLE, payload JSON
);
COMMENT ON TABLE event IS 'Journals of the runs: what happened while they trained';
COMMENT ON COLUMN event.run_id IS 'Run';
COMMENT ON COLUMN event.journal IS 'Number of the process that worked on the run, from 0';
COMMENT ON COLUMN event.position IS 'Byte in that journal; orders its events';
COMMENT ON COLUMN event.time IS 'When';
COMMENT ON COLUMN event.kind IS 'start, resume, progress, epoch, done or failed';
COMMENT ON COLUMN event.epoch IS 'Epoch';
COMMENT ON COLUMN event.step IS 'Optimiser step';
COMMENT ON COLUMN event.fraction IS 'How much of the training was done, 0 to 1';
COMMENT ON COLUMN event.payload IS 'Anything else, such as losses';

CREATE TABLE quarantine (
    run_id VARCHAR, experiment_id VARCHAR, source VARCHAR, position BIGINT, reason VARCHAR
);
COMMENT ON TABLE quarantine IS 'Lines and files that could not be read and were left out';
COMMENT ON COLUMN quarantine.run_id IS 'Run it belongs to; else NULL';
COMMENT ON COLUMN quarantine.experiment_id IS 'Experiment it belongs to; else NULL';
COMMENT ON COLUMN quarantine.source IS 'File or folder, relative to the workspace';
COMMENT ON COLUMN quarantine.position IS 'Byte where the line starts; 0 for a whole file';
COMMENT ON COLUMN quarantine.reason IS 'What is wrong with it';

-- What the writer has already read. Not public.
CREATE SCHEMA bookkeeping;
CREATE TABLE bookkeeping.run_seen (run_id VARCHAR, generation INTEGER, state VARCHAR);
CREATE TABLE bookkeeping.journal_seen (run_id VARCHAR, journal INTEGER, bytes BIGINT);
CREATE TABLE bookkeeping.experiment_seen (experiment_id VARCHAR, stamp VARCHAR, stale BOOLEAN);
CREATE TABLE bookkeeping.comparison_seen (experiment_id VARCHAR, kind VARCHAR, pairs VARCHAR);
