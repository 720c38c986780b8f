-- Views of the claim on trial: measured gains beside the evidence, what predicts them, and preregistered verdicts.

CREATE VIEW claim AS
SELECT
    experiment.name AS experiment, claim.experiment_id, data, relatedness, encoder, tasks, task, metric, unit, claim.margin,
    gain, gain_error, gain_low, gain_high, verdict, evidence, value, error, low, high, claim.seeds,
    claim.experiment_id = newest.experiment_id AS latest
FROM summary.claim AS claim
JOIN (SELECT experiment_id, name, encoder, last_started FROM experiment) AS experiment USING (experiment_id)
JOIN (
    SELECT name, arg_max(experiment_id, (last_started, experiment_id)) AS experiment_id FROM experiment GROUP BY name
) AS newest ON newest.name = experiment.name
ORDER BY experiment.last_started DESC, claim.experiment_id, len(tasks), tasks, task, evidence;

CREATE VIEW claim_predictors AS
SELECT
    evidence, label, baseline, scope, experiments, groups, tasks, points, unit, rank_correlation, low, high, corrected, slope,
    slope_low, slope_high, auc, auc_low, auc_high, ceiling, reason, method
FROM summary.claim_predictor
ORDER BY scope DESC, rank_correlation DESC NULLS LAST, evidence;

CREATE VIEW claim_verdicts AS
SELECT
    experiment.name AS experiment, verdict.experiment_id, evidence, statistic, scope, threshold, experiments, points, value,
    low, high, verdict, statement,
    coalesce(verdict.experiment_id = newest.experiment_id, true) AS latest
FROM summary.claim_verdict AS verdict
LEFT JOIN (SELECT experiment_id, name, last_started FROM experiment) AS experiment USING (experiment_id)
LEFT JOIN (
    SELECT name, arg_max(experiment_id, (last_started, experiment_id)) AS experiment_id FROM experiment GROUP BY name
) AS newest ON newest.name = experiment.name
ORDER BY experiment.last_started DESC NULLS FIRST, verdict.experiment_id, evidence, statistic, scope, threshold;
