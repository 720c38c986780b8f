"""The dashboard: what the store holds, to look at.

views/        one view of the store -> one frozen Info
sentences.py  what an Info says, in a sentence
figures/      Infos -> Plotly figures; they know neither Streamlit nor DuckDB
tables.py     the table of each figure, CSV and LaTeX
catalog.py    all figures by name, how_to_read.py what to look at in them; export.py writes one of them to a file, report.py all
              of them to one page
theme.py      colours, symbols and fonts, light and dark; text.py shortens, escapes and formats
app.py        the Streamlit app, pages/ its pages

Data flows one way: store -> Info -> figure -> page. Nothing here imports Ray or torch.
"""
