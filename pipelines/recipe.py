"""`kerascnn recipes`: what ships, and one fully resolved."""

from __future__ import annotations

import click

from .output import echo, print_table


@click.group("recipes", invoke_without_command=True)
@click.pass_context
def command(ctx: click.Context) -> None:
    """List the recipes that ship; 'show NAME' prints one fully resolved."""
    if ctx.invoked_subcommand is None:
        from kerascnn.recipe import load_recipe, recipe_names

        rows = []
        for name in recipe_names():
            recipe = load_recipe(name)
            rows.append([name, recipe.model.name, recipe.data.name, recipe.description])
        print_table(["recipe", "model", "data", "description"], rows, cut="description")


@command.command()
@click.argument("name")
@click.option("--set", "settings", multiple=True, metavar="FIELD=VALUE", help="Override a field.")
def show(name: str, settings: tuple[str, ...]) -> None:
    """Print the fully resolved recipe NAME (of those that ship, or a .yaml file)."""
    from kerascnn.recipe import load_recipe

    echo(load_recipe(name, settings).to_yaml(), nl=False)
