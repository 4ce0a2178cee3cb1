"""`kerascnn recipes`: what ships, and one fully resolved."""

from __future__ import annotations

import click


@click.group("recipes", invoke_without_command=True)
@click.pass_context
def command(ctx: click.Context) -> None:
    """List the recipes that ship; 'show NAME' prints one fully resolved."""
    if ctx.invoked_subcommand is None:
        from rich.table import Table

        from kerascnn.recipe import load_recipe, recipe_names

        from .tables import print_table

        table = Table("recipe", "model", "data", "description")
        for name in recipe_names():
            recipe = load_recipe(name)
            table.add_row(name, recipe.model.name, recipe.data.name, recipe.description)
        print_table(table)


@command.command()
@click.argument("name")
@click.option("--set", "settings", multiple=True, metavar="FIELD=VALUE", help="Override a field.")
def show(name: str, settings: tuple[str, ...]) -> None:
    """Print the fully resolved recipe NAME (of those that ship, or a .yaml file)."""
    from kerascnn.recipe import load_recipe

    click.echo(load_recipe(name, settings).to_yaml(), nl=False)
