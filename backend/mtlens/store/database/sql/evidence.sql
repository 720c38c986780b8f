-- The evidence: tables as they were measured, tables of what follows from them, and the views that people query.
-- Names and columns are public. Layer 0 is the output of the embeddings, 1 to L are the transformer layers.

CREATE TABLE bookkeeping.experiment_evidence_job (experiment_id VARCHAR, position INTEGER, job_id VARCHAR, kind VARCHAR, subject VARCHAR);
CREATE TABLE bookkeeping.evidence_job_seen (job_id VARCHAR, state VARCHAR, seconds DOUBLE, reason VARCHAR);
CREATE TABLE bookkeeping.evidence_seen (experiment_id VARCHAR, evidence_jobs VARCHAR);

CREATE VIEW evidence_job AS
SELECT experiment_id, job_id, kind, subject, coalesce(state, 'waiting') AS state, seconds, reason
FROM bookkeeping.experiment_evidence_job
LEFT JOIN bookkeeping.evidence_job_seen USING (job_id)
ORDER BY experiment_id, position;
COMMENT ON VIEW evidence_job IS 'Computations of evidence that an experiment asks for; equal ones are shared';
COMMENT ON COLUMN evidence_job.experiment_id IS 'Experiment';
COMMENT ON COLUMN evidence_job.job_id IS 'Content hash of everything that decides the result; name of its folder';
COMMENT ON COLUMN evidence_job.kind IS
    'states: hidden states of one model; similarity: CKA between models; gradients: of a multi-task model; cross: of single ones; '
    'lookahead: affinities by steps for one task; linearised: by the linearised estimate';
COMMENT ON COLUMN evidence_job.subject IS 'What it looks at';
COMMENT ON COLUMN evidence_job.state IS 'waiting, unfinished, done, failed, or damaged (its files cannot be read)';
COMMENT ON COLUMN evidence_job.seconds IS 'Time it took';
COMMENT ON COLUMN evidence_job.reason IS 'Why it failed or is damaged';

CREATE TABLE cka (
    job_id VARCHAR, role_a VARCHAR, task_a VARCHAR, seed_a BIGINT, layer_a INTEGER, role_b VARCHAR, task_b VARCHAR,
    seed_b BIGINT, layer_b INTEGER, pooling VARCHAR, features VARCHAR, estimator VARCHAR, value DOUBLE, low DOUBLE,
    high DOUBLE, examples INTEGER, reason VARCHAR
);
COMMENT ON TABLE cka IS 'Similarity of hidden states between two models, layer by layer, on the same held-out examples';
COMMENT ON COLUMN cka.job_id IS 'Computation, see evidence_job';
COMMENT ON COLUMN cka.role_a IS 'First model: single, multi, shuffled, pretrained or untrained';
COMMENT ON COLUMN cka.task_a IS 'Its task; NULL where it is not of one task';
COMMENT ON COLUMN cka.seed_a IS 'Its seed; NULL for pretrained';
COMMENT ON COLUMN cka.layer_a IS 'Its layer';
COMMENT ON COLUMN cka.role_b IS 'Second model, as the first; or permuted: the first one with its examples in another order';
COMMENT ON COLUMN cka.task_b IS 'Its task';
COMMENT ON COLUMN cka.seed_b IS 'Its seed';
COMMENT ON COLUMN cka.layer_b IS 'Its layer';
COMMENT ON COLUMN cka.pooling IS 'mean: over the tokens of the text; cls: the first token';
COMMENT ON COLUMN cka.features IS 'hidden: hidden states; changes: hidden states less those of the pretrained encoder';
COMMENT ON COLUMN cka.estimator IS 'debiased, biased (for comparison only), standardised (debiased, each unit scaled) or procrustes';
COMMENT ON COLUMN cka.value IS 'Similarity; 1 for equal up to rotation and scale, 0 for unrelated; NULL: undefined';
COMMENT ON COLUMN cka.low IS '95 % interval over examples (jackknife); NULL where it was not computed';
COMMENT ON COLUMN cka.high IS '95 % interval over examples (jackknife)';
COMMENT ON COLUMN cka.examples IS 'Held-out examples';
COMMENT ON COLUMN cka.reason IS 'Why the value is undefined';

CREATE TABLE lookahead (
    job_id VARCHAR, seed BIGINT, epoch INTEGER, task_from VARCHAR, task_for VARCHAR, lookahead DOUBLE, first_order DOUBLE,
    microbatches INTEGER
);
COMMENT ON TABLE lookahead IS 'What a step for one task does for another in a multi-task model (TAG); where groupings are searched';
COMMENT ON COLUMN lookahead.job_id IS 'Computation, see evidence_job';
COMMENT ON COLUMN lookahead.seed IS 'Seed of the run';
COMMENT ON COLUMN lookahead.epoch IS 'Epochs trained until then';
COMMENT ON COLUMN lookahead.task_from IS 'Task that the optimiser takes a step for';
COMMENT ON COLUMN lookahead.task_for IS 'Task whose loss is looked at';
COMMENT ON COLUMN lookahead.lookahead IS 'Relative decrease of the loss by the step, over the learning rate; mean over microbatches';
COMMENT ON COLUMN lookahead.first_order IS 'Inner product of the gradients over the loss; mean over microbatches';
COMMENT ON COLUMN lookahead.microbatches IS 'Microbatches with labels of both tasks';

CREATE TABLE linearised (
    job_id VARCHAR, seed BIGINT, task_from VARCHAR, task_for VARCHAR, affinity DOUBLE, training_examples INTEGER,
    validation_examples INTEGER
);
COMMENT ON TABLE linearised IS
    'What training on a task would do for another, to first order around a multi-task model (Grad-TAE); where groupings are searched';
COMMENT ON COLUMN linearised.job_id IS 'Computation, see evidence_job';
COMMENT ON COLUMN linearised.seed IS 'Seed of the run';
COMMENT ON COLUMN linearised.task_from IS 'Task that is trained on together with the other';
COMMENT ON COLUMN linearised.task_for IS 'Task whose loss is looked at';
COMMENT ON COLUMN linearised.affinity IS
    'Decrease of its validation loss against training on it alone; mean over subsets of the tasks that hold both';
COMMENT ON COLUMN linearised.training_examples IS 'Training texts that the estimate is fitted to';
COMMENT ON COLUMN linearised.validation_examples IS 'Validation texts on which the loss is taken';

CREATE TABLE gradient_alignment (
    job_id VARCHAR, setting VARCHAR, seed BIGINT, stage VARCHAR, epoch INTEGER, layer INTEGER, parameters VARCHAR,
    task_a VARCHAR, task_b VARCHAR, "inner" DOUBLE, norm_a DOUBLE, norm_b DOUBLE, naive DOUBLE, debiased DOUBLE,
    split_half DOUBLE, ceiling DOUBLE, permuted DOUBLE, conflict_rate DOUBLE, magnitude_similarity DOUBLE,
    microbatches INTEGER, reason VARCHAR
);
COMMENT ON TABLE gradient_alignment IS 'How the gradients of two tasks relate, by layer and kind of parameter';
COMMENT ON COLUMN gradient_alignment.job_id IS 'Computation, see evidence_job';
COMMENT ON COLUMN gradient_alignment.setting IS
    'multi: both tasks at the same weights; cross: each at its own single-task model; task_vectors: trained less pretrained weights';
COMMENT ON COLUMN gradient_alignment.seed IS 'Seed of the runs';
COMMENT ON COLUMN gradient_alignment.stage IS 'start (pretrained encoder, probed heads), epoch, end (the kept weights), or training: all epochs together';
COMMENT ON COLUMN gradient_alignment.epoch IS 'Epochs trained until then';
COMMENT ON COLUMN gradient_alignment.layer IS 'Layer; NULL: the whole encoder';
COMMENT ON COLUMN gradient_alignment.parameters IS 'all, embedding, attention, feedforward or norm';
COMMENT ON COLUMN gradient_alignment.task_a IS 'First task, by name';
COMMENT ON COLUMN gradient_alignment.task_b IS 'Second task; the same one for its own norm and ceiling';
COMMENT ON COLUMN gradient_alignment."inner" IS 'Unbiased estimate of the inner product of the two mean gradients';
COMMENT ON COLUMN gradient_alignment.norm_a IS 'Unbiased estimate of the squared norm of the first mean gradient';
COMMENT ON COLUMN gradient_alignment.norm_b IS 'The same of the second';
COMMENT ON COLUMN gradient_alignment.naive IS 'Cosine of the mean gradients as they are, noise included';
COMMENT ON COLUMN gradient_alignment.debiased IS 'inner / sqrt(norm_a norm_b); NULL: not identifiable';
COMMENT ON COLUMN gradient_alignment.split_half IS 'Cosine between the tasks from disjoint halves of the microbatches';
COMMENT ON COLUMN gradient_alignment.ceiling IS 'What split_half would be for equal tasks with this much noise';
COMMENT ON COLUMN gradient_alignment.permuted IS 'split_half of the first task with the second on permuted labels; its floor';
COMMENT ON COLUMN gradient_alignment.conflict_rate IS 'Share of microbatches on which the two gradients point apart';
COMMENT ON COLUMN gradient_alignment.magnitude_similarity IS '2 |a| |b| / (|a|^2 + |b|^2), 1 for equal lengths';
COMMENT ON COLUMN gradient_alignment.microbatches IS 'Microbatches with labels of both tasks';
COMMENT ON COLUMN gradient_alignment.reason IS 'Why the cosine is not identifiable';

-- What follows from the measurements; seen through the views below.
CREATE SCHEMA summary;
CREATE TABLE summary.similarity (
    experiment_id VARCHAR, kind VARCHAR, task_a VARCHAR, task_b VARCHAR, layer INTEGER, pooling VARCHAR, features VARCHAR,
    estimator VARCHAR, similarity DOUBLE, low DOUBLE, high DOUBLE, ceiling DOUBLE, floor DOUBLE, floor_kind VARCHAR,
    pretrained DOUBLE, untrained DOUBLE, permuted DOUBLE, effect DOUBLE, effect_low DOUBLE, effect_high DOUBLE,
    p_similar DOUBLE, p_different DOUBLE, seeds INTEGER, examples INTEGER, margin DOUBLE, statement VARCHAR, reason VARCHAR,
    method VARCHAR
);
CREATE TABLE summary.alignment (
    experiment_id VARCHAR, setting VARCHAR, stage VARCHAR, epoch INTEGER, layer INTEGER, parameters VARCHAR,
    task_a VARCHAR, task_b VARCHAR, cosine DOUBLE, low DOUBLE, high DOUBLE, naive DOUBLE, split_half DOUBLE, ceiling DOUBLE,
    floor DOUBLE, conflict_rate DOUBLE, magnitude_similarity DOUBLE, seeds INTEGER, threshold DOUBLE, statement VARCHAR,
    reason VARCHAR, method VARCHAR
);
CREATE TABLE summary.explanation (
    experiment_id VARCHAR, scope VARCHAR, tasks VARCHAR[], measured VARCHAR, difference DOUBLE, cka VARCHAR,
    cka_effect DOUBLE, cka_detail VARCHAR, gradients VARCHAR, gradient_cosine DOUBLE, gradients_detail VARCHAR,
    agreement VARCHAR, method VARCHAR
);
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
COMMENT ON VIEW evidence_cka IS 'Do the models hold similar representations? One line per pair, layer and way of comparing';
COMMENT ON COLUMN evidence_cka.experiment IS 'Name of the experiment';
COMMENT ON COLUMN evidence_cka.experiment_id IS 'Content hash of the experiment file';
COMMENT ON COLUMN evidence_cka.kind IS
    'tasks: two task-specific models; multi: the multi-task model and one of them; pretrained: one of them and the pretrained encoder';
COMMENT ON COLUMN evidence_cka.task_a IS 'Task of the task-specific model';
COMMENT ON COLUMN evidence_cka.task_b IS 'Task of the other; NULL where it is multi-task or pretrained';
COMMENT ON COLUMN evidence_cka.layer IS 'Layer of both; 0: output of the embeddings';
COMMENT ON COLUMN evidence_cka.pooling IS 'mean: over the tokens of the text; cls: the first token';
COMMENT ON COLUMN evidence_cka.features IS 'hidden: hidden states; changes: hidden states less those of the pretrained encoder';
COMMENT ON COLUMN evidence_cka.estimator IS 'debiased, biased, standardised or procrustes';
COMMENT ON COLUMN evidence_cka.similarity IS 'Mean over pairs of different seeds; NULL: undefined';
COMMENT ON COLUMN evidence_cka.low IS '95 % interval over seeds (jackknife)';
COMMENT ON COLUMN evidence_cka.high IS '95 % interval over seeds (jackknife)';
COMMENT ON COLUMN evidence_cka.ceiling IS 'The same task, another seed: mean of both tasks';
COMMENT ON COLUMN evidence_cka.floor IS 'With a model that learnt permuted labels; where there is none, with an untrained encoder';
COMMENT ON COLUMN evidence_cka.floor_kind IS 'shuffled, untrained or permuted';
COMMENT ON COLUMN evidence_cka.pretrained IS 'Similarity to the pretrained encoder, mean of both tasks';
COMMENT ON COLUMN evidence_cka.untrained IS 'Similarity to an untrained encoder, mean of both tasks';
COMMENT ON COLUMN evidence_cka.permuted IS 'Similarity to itself with the examples in another order';
COMMENT ON COLUMN evidence_cka.effect IS '(similarity - floor) / (ceiling - floor): 1 at the ceiling, 0 at the floor';
COMMENT ON COLUMN evidence_cka.effect_low IS '95 % interval over seeds (jackknife)';
COMMENT ON COLUMN evidence_cka.effect_high IS '95 % interval over seeds (jackknife)';
COMMENT ON COLUMN evidence_cka.seeds IS 'Seeds';
COMMENT ON COLUMN evidence_cka.examples IS 'Held-out examples';
COMMENT ON COLUMN evidence_cka.margin IS 'Largest shortfall from the ceiling that counts as similar, as a share of ceiling - floor';
COMMENT ON COLUMN evidence_cka.statement IS
    'similar, different, inconclusive, uninformative (the ceiling is not above the floor) or undefined';
COMMENT ON COLUMN evidence_cka.reason IS 'Why it is undefined or uninformative';
COMMENT ON COLUMN evidence_cka.method IS 'How interval and statement were computed';
COMMENT ON COLUMN evidence_cka.latest IS 'Of the experiments of this name, the one started last';

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
COMMENT ON VIEW evidence_gradients IS 'Do the gradients of two tasks point the same way? One line per pair, stage and layer';
COMMENT ON COLUMN evidence_gradients.experiment IS 'Name of the experiment';
COMMENT ON COLUMN evidence_gradients.experiment_id IS 'Content hash of the experiment file';
COMMENT ON COLUMN evidence_gradients.setting IS
    'multi: both tasks at the same weights; cross: each at its own single-task model; task_vectors: trained less pretrained weights';
COMMENT ON COLUMN evidence_gradients.stage IS 'start (pretrained encoder, probed heads), epoch, end (the kept weights), or training: all epochs together';
COMMENT ON COLUMN evidence_gradients.epoch IS 'Epochs trained until then; NULL where seeds differ';
COMMENT ON COLUMN evidence_gradients.layer IS 'Layer; NULL: the whole encoder';
COMMENT ON COLUMN evidence_gradients.parameters IS 'all, embedding, attention, feedforward or norm';
COMMENT ON COLUMN evidence_gradients.task_a IS 'First task, by name';
COMMENT ON COLUMN evidence_gradients.task_b IS 'Second task';
COMMENT ON COLUMN evidence_gradients.cosine IS 'Debiased cosine, mean over seeds; NULL: not identifiable';
COMMENT ON COLUMN evidence_gradients.low IS '95 % interval over seeds';
COMMENT ON COLUMN evidence_gradients.high IS '95 % interval over seeds';
COMMENT ON COLUMN evidence_gradients.naive IS 'Cosine of the mean gradients, noise included';
COMMENT ON COLUMN evidence_gradients.split_half IS 'Cosine between the tasks from disjoint halves of the microbatches';
COMMENT ON COLUMN evidence_gradients.ceiling IS 'What split_half would be for equal tasks with this much noise';
COMMENT ON COLUMN evidence_gradients.floor IS 'split_half with the second task on permuted labels';
COMMENT ON COLUMN evidence_gradients.conflict_rate IS 'Share of microbatches on which the two gradients point apart';
COMMENT ON COLUMN evidence_gradients.magnitude_similarity IS '2 |a| |b| / (|a|^2 + |b|^2), 1 for equal lengths';
COMMENT ON COLUMN evidence_gradients.seeds IS 'Seeds in which the cosine is identifiable';
COMMENT ON COLUMN evidence_gradients.threshold IS 'Smallest cosine that counts as sizeable';
COMMENT ON COLUMN evidence_gradients.statement IS 'aligned, opposed, unrelated, inconclusive or not identifiable';
COMMENT ON COLUMN evidence_gradients.reason IS 'Why it is not identifiable or inconclusive';
COMMENT ON COLUMN evidence_gradients.method IS 'How interval and statement were computed';
COMMENT ON COLUMN evidence_gradients.latest IS 'Of the experiments of this name, the one started last';

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
COMMENT ON VIEW verdicts IS 'Does the evidence explain the measured match? One line for the group, each task and each pair';
COMMENT ON COLUMN verdicts.experiment IS 'Name of the experiment';
COMMENT ON COLUMN verdicts.experiment_id IS 'Content hash of the experiment file';
COMMENT ON COLUMN verdicts.scope IS 'group: all tasks of the multi-task model; task: one with the others; pair: two of them';
COMMENT ON COLUMN verdicts.tasks IS 'The tasks';
COMMENT ON COLUMN verdicts.measured IS
    'matches, better, worse or inconclusive: the verdict of matching; for several tasks the worst one decides';
COMMENT ON COLUMN verdicts.difference IS 'Score of the multi-task model less that of the task-specific ones, mean of the tasks';
COMMENT ON COLUMN verdicts.cka IS 'similar, different, inconclusive or not measured: in all layers that can tell';
COMMENT ON COLUMN verdicts.cka_effect IS 'Smallest effect of those layers: 1 at the ceiling, 0 at the floor';
COMMENT ON COLUMN verdicts.cka_detail IS 'In words';
COMMENT ON COLUMN verdicts.gradients IS 'aligned, opposed, unrelated, inconclusive, not identifiable or not measured, over the course of multi-task training';
COMMENT ON COLUMN verdicts.gradient_cosine IS 'Smallest debiased cosine of the whole encoder among the pairs';
COMMENT ON COLUMN verdicts.gradients_detail IS 'In words';
COMMENT ON COLUMN verdicts.agreement IS
    'agrees, disagrees, mixed (CKA and gradients point apart), inconclusive or not measured';
COMMENT ON COLUMN verdicts.method IS 'How it was decided';
COMMENT ON COLUMN verdicts.latest IS 'Of the experiments of this name, the one started last';
