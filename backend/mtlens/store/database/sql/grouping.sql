-- Views of what was predicted and measured of groups of tasks, for experiments that search.

CREATE VIEW group_scores AS
SELECT experiment.name AS experiment, score.*
FROM summary.group_score AS score
JOIN (SELECT experiment_id, name, last_started FROM experiment) AS experiment USING (experiment_id)
ORDER BY experiment.last_started DESC, score.experiment_id, method, len(score.tasks), score.tasks, task;

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

CREATE VIEW grouping_methods AS
SELECT
    experiment.name AS experiment, methods.experiment_id, methods.method, trainings, passes, budgets, regret, permuted_regret,
    list_avg(list_filter(rank_correlation, lambda x: isfinite(x))) AS rank_correlation,
    list_avg(list_filter(ceiling, lambda x: isfinite(x))) AS ceiling, pooled_correlation, discovery.seconds AS discovery_seconds
FROM grouping_method AS methods
JOIN (SELECT experiment_id, name, last_started FROM experiment) AS experiment USING (experiment_id)
LEFT JOIN (
    SELECT experiment_id, method, any_value(discovery_seconds) AS seconds FROM grouping GROUP BY experiment_id, method
) AS discovery ON discovery.experiment_id = methods.experiment_id AND discovery.method = methods.method
ORDER BY experiment.last_started DESC, methods.experiment_id, position;
