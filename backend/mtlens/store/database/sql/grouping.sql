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
