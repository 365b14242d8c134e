"""stub"""

import typer

app = typer.Typer()


@app.command()
def distill(): ...
@app.command()
def x(): ...
