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

CREATE VIEW evidence_layers AS
WITH one_way AS (
    SELECT
        experiment_id, pooling, features, estimator, role_a, task_a, layer_a, role_b, task_b, layer_b,
        sum(value) FILTER (isfinite(value)) AS total, count(*) FILTER (isfinite(value)) AS number
    FROM cka
    JOIN bookkeeping.experiment_evidence_job USING (job_id)
    WHERE (seed_a = seed_b OR role_a = 'pretrained' OR role_b = 'pretrained')
        AND role_a IN ('single', 'multi', 'pretrained') AND role_b IN ('single', 'multi', 'pretrained')
    GROUP BY ALL
),
both_ways AS (  -- a pair may be stored either way round; below, the task-specific model comes first
    FROM one_way
    UNION ALL
    SELECT
        experiment_id, pooling, features, estimator, role_b, task_b, layer_b, role_a, task_a, layer_a, total, number
    FROM one_way
),
pair AS NOT MATERIALIZED (
    SELECT
        experiment_id, if(role_b = 'single', 'tasks', role_b) AS kind, task_a, task_b, pooling, features, estimator, layer_a,
        layer_b, sum(total) / nullif(sum(number), 0) AS similarity
    FROM both_ways
    WHERE role_a = 'single' AND (role_b <> 'single' OR task_a < task_b)
    GROUP BY ALL
)
SELECT
    experiment.name AS experiment, pair.experiment_id, pair.kind, pair.task_a, pair.task_b, pair.layer_a, pair.layer_b,
    pair.pooling, pair.features, pair.estimator, pair.similarity,
    CASE pair.kind
        WHEN 'tasks' THEN (first.similarity + second.similarity) / 2
        WHEN 'multi' THEN first.similarity
    END AS pretrained
FROM pair
JOIN experiment USING (experiment_id)
LEFT JOIN pair AS first ON first.kind = 'pretrained' AND first.experiment_id = pair.experiment_id
    AND first.pooling = pair.pooling AND first.features = pair.features AND first.estimator = pair.estimator
    AND first.task_a = pair.task_a AND first.layer_a = pair.layer_a AND first.layer_b = pair.layer_b
LEFT JOIN pair AS second ON second.kind = 'pretrained' AND second.experiment_id = pair.experiment_id
    AND second.pooling = pair.pooling AND second.features = pair.features AND second.estimator = pair.estimator
    AND second.task_a = pair.task_b AND second.layer_a = pair.layer_b AND second.layer_b = pair.layer_a
ORDER BY experiment.last_started DESC, pair.experiment_id, list_position(['tasks', 'multi', 'pretrained'], pair.kind),
    pair.task_a, pair.task_b, pair.pooling DESC, pair.features DESC, pair.estimator, pair.layer_a, pair.layer_b;

CREATE VIEW evidence_gradients AS
SELECT
    experiment.name AS experiment, alignment.experiment_id, setting, stage, epoch, layer, parameters, task_a, task_b, cosine,
    low, high, naive, split_half, ceiling, floor, conflict_rate, conflict_low,
    conflict_high, magnitude_similarity, seeds, threshold, statement, reason,
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
