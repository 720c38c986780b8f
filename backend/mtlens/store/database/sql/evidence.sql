-- Views of the evidence. Layer 0 is the output of the embeddings, 1 to L are the transformer layers.

CREATE VIEW evidence_job AS
SELECT experiment_id, job_id, kind, subject, coalesce(state, 'waiting') AS state, seconds, reason
FROM bookkeeping.experiment_evidence_job
LEFT JOIN bookkeeping.evidence_job_seen USING (job_id)
ORDER BY experiment_id, position;

CREATE VIEW evidence_cka AS
SELECT
    experiment.name AS experiment, similarity.experiment_id, kind, task_a, task_b, layer, pooling, features, estimator,
    similarity.similarity, low, high, ceiling, floor, floor_kind, pretrained, untrained, permuted, effect, effect_low,
    effect_high, seeds, examples, margin, statement, reason, method, similarity.experiment_id = newest.experiment_id AS latest
FROM summary.similarity AS similarity
JOIN (SELECT experiment_id, name, last_started FROM experiment) AS experiment USING (experiment_id)
JOIN (
    SELECT name, arg_max(experiment_id, (last_started, experiment_id)) AS experiment_id FROM experiment GROUP BY name
) AS newest ON newest.name = experiment.name
ORDER BY experiment.last_started DESC, similarity.experiment_id, list_position(['tasks', 'multi', 'pretrained'], kind),
    task_a, task_b, pooling DESC, features DESC, estimator, layer;

CREATE VIEW evidence_gradients AS
SELECT
    experiment.name AS experiment, alignment.experiment_id, setting, stage, epoch, layer, parameters, task_a, task_b, cosine,
    low, high, naive, split_half, ceiling, floor, conflict_rate, magnitude_similarity, seeds, threshold, statement, reason,
    method, alignment.experiment_id = newest.experiment_id AS latest
FROM summary.alignment AS alignment
JOIN (SELECT experiment_id, name, last_started FROM experiment) AS experiment USING (experiment_id)
JOIN (
    SELECT name, arg_max(experiment_id, (last_started, experiment_id)) AS experiment_id FROM experiment GROUP BY name
) AS newest ON newest.name = experiment.name
ORDER BY experiment.last_started DESC, alignment.experiment_id, list_position(['multi', 'cross', 'task_vectors'], setting),
    list_position(['training', 'start', 'epoch', 'end'], stage), epoch, task_a, task_b, layer NULLS FIRST, parameters;

CREATE VIEW verdicts AS
SELECT
    experiment.name AS experiment, explanation.experiment_id, scope, tasks, measured, difference, cka, cka_effect, cka_detail,
    gradients, gradient_cosine, gradients_detail, agreement, method,
    explanation.experiment_id = newest.experiment_id AS latest
FROM summary.explanation AS explanation
JOIN (SELECT experiment_id, name, last_started FROM experiment) AS experiment USING (experiment_id)
JOIN (
    SELECT name, arg_max(experiment_id, (last_started, experiment_id)) AS experiment_id FROM experiment GROUP BY name
) AS newest ON newest.name = experiment.name
ORDER BY experiment.last_started DESC, explanation.experiment_id, list_position(['group', 'task', 'pair'], scope), tasks;
