"""The dashboard: it shows what the store holds.

queries/      views of the store -> frozen Infos
wording/      what an Info says in a sentence, captions, and how numbers and names are written
figures/      Infos -> Plotly figures; they know neither Streamlit nor DuckDB. theme.py has colours, symbols and fonts
tables.py     the table of each figure, CSV and LaTeX
catalog.py    all figures by name
export/       one figure to a file, all of them to one page
app.py        the Streamlit app, pages/ its pages, widgets/ the parts that pages share

Data flows one way: store -> Info -> figure -> page. Nothing here imports Ray or torch.
"""
