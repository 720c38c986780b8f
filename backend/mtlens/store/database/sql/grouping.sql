-- Which tasks belong together: what was measured and predicted of groups, the families that follow, and how good methods are.
-- Names and columns are public. Filled for experiments that search; a group is a set of tasks that share one model.

CREATE TABLE bookkeeping.grouping_seen (experiment_id VARCHAR, inputs VARCHAR);

CREATE TABLE affinity (
    experiment_id VARCHAR, method VARCHAR, task_from VARCHAR, task_for VARCHAR, value DOUBLE, standard_error DOUBLE
);
COMMENT ON TABLE affinity IS 'What one task does for another when they are trained together, by each method; larger is better';
COMMENT ON COLUMN affinity.experiment_id IS 'Experiment';
COMMENT ON COLUMN affinity.method IS 'pairwise gain (measured), gradient cosine, CKA, TAG (look-ahead), TAG (first order) or Grad-TAE';
COMMENT ON COLUMN affinity.task_from IS 'Task that is trained together with the other';
COMMENT ON COLUMN affinity.task_for IS 'Task that gains or loses by it';
COMMENT ON COLUMN affinity.value IS 'Affinity in the units of its method, mean over seeds';
COMMENT ON COLUMN affinity.standard_error IS 'Of the mean over seeds; NULL: unbounded, as with one seed';

CREATE TABLE summary.group_score (
    experiment_id VARCHAR, method VARCHAR, tasks VARCHAR[], task VARCHAR, predicted DOUBLE, predicted_low DOUBLE,
    predicted_high DOUBLE, measured DOUBLE, measured_low DOUBLE, measured_high DOUBLE
);

CREATE TABLE grouping (
    experiment_id VARCHAR, grouping_id INTEGER, method VARCHAR, rank INTEGER, cost DOUBLE, predicted DOUBLE,
    predicted_low DOUBLE, predicted_high DOUBLE, measured DOUBLE, measured_low DOUBLE, measured_high DOUBLE, regret DOUBLE,
    discovery_seconds DOUBLE, recommended BOOLEAN
);
COMMENT ON TABLE grouping IS 'Families of models that serve all tasks: the best of each method at each budget, chosen on validation';
COMMENT ON COLUMN grouping.experiment_id IS 'Experiment';
COMMENT ON COLUMN grouping.grouping_id IS 'Number within the experiment';
COMMENT ON COLUMN grouping.method IS 'Estimator that proposed it, or recommendation';
COMMENT ON COLUMN grouping.rank IS 'Rank among those of its method, 1 for the best on validation';
COMMENT ON COLUMN grouping.cost IS 'Cost of its models, in models';
COMMENT ON COLUMN grouping.predicted IS 'Score expected on test, mean over tasks: of the task-specific models plus the gain predicted from validation';
COMMENT ON COLUMN grouping.predicted_low IS '95 % interval of the prediction; NULL: unbounded';
COMMENT ON COLUMN grouping.predicted_high IS '95 % interval of the prediction; NULL: unbounded';
COMMENT ON COLUMN grouping.measured IS 'Score on test, mean over tasks; NULL where a group is not trained';
COMMENT ON COLUMN grouping.measured_low IS '95 % interval over seeds (t); NULL with one seed';
COMMENT ON COLUMN grouping.measured_high IS '95 % interval over seeds (t); NULL with one seed';
COMMENT ON COLUMN grouping.regret IS
    'Measured score of the exhaustive choice at the same budget less this one; NULL before all groups are trained';
COMMENT ON COLUMN grouping.discovery_seconds IS 'Training time of the groups and time of the evidence that the method asks for';
COMMENT ON COLUMN grouping.recommended IS 'The recommended family; see table recommendation';

CREATE TABLE grouping_member (experiment_id VARCHAR, grouping_id INTEGER, position INTEGER, task VARCHAR, serves BOOLEAN);
COMMENT ON TABLE grouping_member IS 'Tasks of the groups of a grouping';
COMMENT ON COLUMN grouping_member.experiment_id IS 'Experiment';
COMMENT ON COLUMN grouping_member.grouping_id IS 'Grouping';
COMMENT ON COLUMN grouping_member.position IS 'Number of the group within the grouping, from 0';
COMMENT ON COLUMN grouping_member.task IS 'Task that the group is trained on';
COMMENT ON COLUMN grouping_member.serves IS 'Whether the task is served by this group; of overlapping groups one serves it';

CREATE TABLE grouping_method (
    experiment_id VARCHAR, position INTEGER, method VARCHAR, trainings INTEGER, passes INTEGER, budgets DOUBLE[],
    regret DOUBLE[], permuted_regret DOUBLE[], tasks VARCHAR[], rank_correlation DOUBLE[], ceiling DOUBLE[],
    pooled_correlation DOUBLE
);
COMMENT ON TABLE grouping_method IS 'Methods on trial, once every group is trained: chosen on validation and half of the seeds, scored on test and the others';
COMMENT ON COLUMN grouping_method.experiment_id IS 'Experiment';
COMMENT ON COLUMN grouping_method.position IS 'Order of the table: oracle, methods, baselines';
COMMENT ON COLUMN grouping_method.method IS 'Method or baseline';
COMMENT ON COLUMN grouping_method.trainings IS 'Trainings per seed that it asks for';
COMMENT ON COLUMN grouping_method.passes IS 'Passes over each example looked at, beyond training';
COMMENT ON COLUMN grouping_method.budgets IS 'Budgets, in models';
COMMENT ON COLUMN grouping_method.regret IS 'At each budget: score of the exhaustive oracle less that of the method';
COMMENT ON COLUMN grouping_method.permuted_regret IS 'Control: regret with the tasks of the predicted gains permuted';
COMMENT ON COLUMN grouping_method.tasks IS 'Tasks in the order of the experiment';
COMMENT ON COLUMN grouping_method.rank_correlation IS 'For each task, Spearman''s rank correlation of predicted and measured gains over its groups';
COMMENT ON COLUMN grouping_method.ceiling IS 'That of the measured gains with those of the other seeds';
COMMENT ON COLUMN grouping_method.pooled_correlation IS 'Over all tasks and groups; flatters, as a constant for each task can do well';

CREATE TABLE recommendation (
    experiment_id VARCHAR, verdict VARCHAR, groups VARCHAR[][], statement VARCHAR, models INTEGER, cost DOUBLE, tasks INTEGER,
    parameters DOUBLE, single_parameters DOUBLE, seconds DOUBLE, single_seconds DOUBLE, inference_seconds DOUBLE,
    single_inference_seconds DOUBLE, method VARCHAR
);
COMMENT ON TABLE recommendation IS 'The cheapest family of models whose every task matches its task-specific model; its tests are comparison, kind family';
COMMENT ON COLUMN recommendation.experiment_id IS 'Experiment';
COMMENT ON COLUMN recommendation.verdict IS
    'matches; inconclusive; worse: a task of the family is; separate: no cheaper family came near enough on validation';
COMMENT ON COLUMN recommendation.groups IS 'The family that was chosen on validation';
COMMENT ON COLUMN recommendation.statement IS 'In words, with what would settle an inconclusive one';
COMMENT ON COLUMN recommendation.models IS 'Models in the family';
COMMENT ON COLUMN recommendation.cost IS 'Their cost, in models';
COMMENT ON COLUMN recommendation.tasks IS 'Tasks, which is the number of task-specific models';
COMMENT ON COLUMN recommendation.parameters IS 'Weights of the family';
COMMENT ON COLUMN recommendation.single_parameters IS 'Weights of the task-specific models together';
COMMENT ON COLUMN recommendation.seconds IS 'Training time of the family, mean over seeds';
COMMENT ON COLUMN recommendation.single_seconds IS 'Training time of the task-specific models together';
COMMENT ON COLUMN recommendation.inference_seconds IS 'Time in which the family predicts the test split; NULL where it was not measured';
COMMENT ON COLUMN recommendation.single_inference_seconds IS 'Time in which the task-specific models together do';
COMMENT ON COLUMN recommendation.method IS 'How it was chosen and judged';

CREATE VIEW group_scores AS
SELECT experiment.name AS experiment, score.*
FROM summary.group_score AS score
JOIN (SELECT experiment_id, name, last_started FROM experiment) AS experiment USING (experiment_id)
ORDER BY experiment.last_started DESC, score.experiment_id, method, len(score.tasks), score.tasks, task;
COMMENT ON VIEW group_scores IS 'Gain of each task from training in a group: score in the group less score alone';
COMMENT ON COLUMN group_scores.experiment IS 'Name of the experiment';
COMMENT ON COLUMN group_scores.experiment_id IS 'Content hash of the experiment file';
COMMENT ON COLUMN group_scores.method IS 'Estimator';
COMMENT ON COLUMN group_scores.tasks IS 'The group';
COMMENT ON COLUMN group_scores.task IS 'Task in it';
COMMENT ON COLUMN group_scores.predicted IS 'Gain predicted from validation; NULL for groups that the method asks to be trained';
COMMENT ON COLUMN group_scores.predicted_low IS '95 % interval of the prediction; NULL: unbounded';
COMMENT ON COLUMN group_scores.predicted_high IS '95 % interval of the prediction; NULL: unbounded';
COMMENT ON COLUMN group_scores.measured IS 'Gain on test, mean over seeds; NULL where the group is not trained';
COMMENT ON COLUMN group_scores.measured_low IS '95 % interval over seeds (t); NULL with one seed';
COMMENT ON COLUMN group_scores.measured_high IS '95 % interval over seeds (t); NULL with one seed';

CREATE VIEW groupings AS
SELECT
    experiment.name AS experiment, grouping.experiment_id, grouping_id, method, rank, groups, cost, predicted, predicted_low,
    predicted_high, measured, measured_low, measured_high, regret, discovery_seconds, recommended
FROM grouping
JOIN (SELECT experiment_id, name, last_started FROM experiment) AS experiment USING (experiment_id)
JOIN (
    SELECT experiment_id, grouping_id, list(tasks ORDER BY position) AS groups
    FROM (
        SELECT experiment_id, grouping_id, position, list(task ORDER BY task) AS tasks FROM grouping_member
        GROUP BY experiment_id, grouping_id, position
    )
    GROUP BY experiment_id, grouping_id
) USING (experiment_id, grouping_id)
ORDER BY experiment.last_started DESC, grouping.experiment_id, grouping_id;
COMMENT ON VIEW groupings IS 'Families of models that serve all tasks, by method and rank';
COMMENT ON COLUMN groupings.experiment IS 'Name of the experiment';
COMMENT ON COLUMN groupings.experiment_id IS 'Content hash of the experiment file';
COMMENT ON COLUMN groupings.grouping_id IS 'Number within the experiment';
COMMENT ON COLUMN groupings.method IS 'Estimator that proposed it, or recommendation';
COMMENT ON COLUMN groupings.rank IS 'Rank among those of its method, 1 for the best';
COMMENT ON COLUMN groupings.groups IS 'The groups of tasks, a model each';
COMMENT ON COLUMN groupings.cost IS 'Cost of its models, in models';
COMMENT ON COLUMN groupings.predicted IS 'Score expected on test, mean over tasks';
COMMENT ON COLUMN groupings.predicted_low IS '95 % interval; NULL: unbounded';
COMMENT ON COLUMN groupings.predicted_high IS '95 % interval; NULL: unbounded';
COMMENT ON COLUMN groupings.measured IS 'Score on test, mean over tasks; NULL where a group is not trained';
COMMENT ON COLUMN groupings.measured_low IS '95 % interval over seeds';
COMMENT ON COLUMN groupings.measured_high IS '95 % interval over seeds';
COMMENT ON COLUMN groupings.regret IS 'Score of the exhaustive choice at the same budget less this one; NULL before all groups are trained';
COMMENT ON COLUMN groupings.discovery_seconds IS 'Compute that the method asks for before it can choose';
COMMENT ON COLUMN groupings.recommended IS 'The recommended family';
