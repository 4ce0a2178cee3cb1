"""`kerascnn recipes`: what ships, and one fully resolved."""

from __future__ import annotations

import click

from . import completion
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
@click.argument("name", shell_complete=completion.recipes)
@click.option("--set", "settings", multiple=True, metavar="FIELD=VALUE", help="Override a field.")
def show(name: str, settings: tuple[str, ...]) -> None:
    """Print the fully resolved recipe NAME (of those that ship, or a .yaml file)."""
    from kerascnn.recipe import load_recipe

    echo(load_recipe(name, settings).to_yaml(), nl=False)


@command.command()
@click.argument("part", default="")
def fields(part: str) -> None:
    """Explain every field of a recipe, or those whose name begins with PART, such as training."""
    from kerascnn.errors import unknown
    from kerascnn.recipe import recipe_fields

    known = recipe_fields()
    chosen = [field for field in known if field.name.startswith(part)]
    if not chosen:
        raise unknown("field", part, [field.name for field in known])
    rows = [[field.name, field.default, field.allowed, field.about] for field in chosen]
    print_table(["field", "default", "allowed", "what"], rows, cut="what")
    if not part:
        echo(
            "\nmodel.* has the options of its network (kerascnn summary NAME --help, or "
            "kerascnn recipes show NAME); augment.operations take those of their own."
        )
