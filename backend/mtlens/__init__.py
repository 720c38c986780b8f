"""mtlens: a lens on multi-task learning. This package does the work; `dashboard` shows it.

Reading order, from the bottom up; each room imports only from those before it:

- `errors`, `spec`, `pieces`, `statistics`: what an experiment is, what may go wrong, and how a difference becomes a verdict
- `store`: run folders are the truth, DuckDB is rebuilt from them
- `data`: tables or synthetic reports -> examples -> tokens
- `learn`: one shared encoder, one head per task, and the loop that trains it
- `evidence`: hidden states and gradients of stored models, compared
- `fleet`: many runs side by side on Ray, or one after another without it
- `cli`: the `mtlens` command
"""
