"""The command `kerascnn`: finds the subcommand, prints errors on one line."""

from __future__ import annotations

import gc
import importlib
import io
import os
import signal
import sys
import warnings
from typing import Any, NoReturn

import click

from kerascnn.errors import TrainingError, UserError, unknown
from kerascnn.files import check_working_folder
from kerascnn.version import __version__

from .output import echo

# name -> (module of the command, its line in --help); imported when it is called, not before.
COMMANDS = {
    "train": ("train", "Train a network on a data set and track the run."),
    "advise": ("advise", "Say what suits a data set, and why."),
    "lr-find": ("lr_find", "Find a learning rate: the range test, drawn."),
    "sweep": ("sweep", "Search over a recipe's fields, in tracked trials."),
    "sweep-chief": ("sweep_chief", "Run a sweep whose trials other machines train."),
    "sweep-worker": ("sweep_worker", "Train the trials of a sweep's chief."),
    "evaluate": ("evaluate", "Score a run's model on every example of a split."),
    "stress": ("stress", "Score a run's model under distortions, layer by layer."),
    "errors": ("errors", "List and draw the examples that a run gets wrong."),
    "visualize": ("visualize", "Draw what a run's network has learnt, in many ways."),
    "demo": ("demo", "Draw what lectures on convolutional networks show."),
    "register": ("register", "Make a run's model a version of a registered model."),
    "calibrate": ("calibrate", "Make a run's model as sure as it is right."),
    "linear-probe": ("linear_probe", "Train a logistic regression on a run's features."),
    "knn": ("knn", "Classify by the nearest training images, on a run's features."),
    "learning-curve": ("learning_curve", "Show the accuracy against the number of images."),
    "predict": ("predict", "Classify image files with a run's model."),
    "export": ("export", "Write a run's model for other programs, and check it."),
    "serve": ("serve", "Answer requests over HTTP with a run's model."),
    "runs": ("runs", "List the tracked runs."),
    "compare": ("compare", "Show how runs differ, and whether by more than chance."),
    "report": ("report", "Write a run, a sweep or several runs as one HTML file."),
    "sweeps": ("sweeps", "List the sweeps, or show what one has found so far."),
    "ui": ("ui", "Open MLflow's own UI on the tracked runs."),
    "models": ("models", "List the networks that can be built, with what they cost."),
    "summary": ("summary", "Print a network's table, layer by layer, and its totals."),
    "datasets": ("dataset", "List, show, preview and check data sets."),
    "cache": ("cache", "Show what is kept from run to run, or remove it."),
    "recipes": ("recipe", "List the recipes that ship, or show one fully resolved."),
}


_LONGEST = 2000  # characters of an error


class _LazyGroup(click.Group):
    """A group whose commands live in modules that are imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f".{COMMANDS[cmd_name][0]}", __package__)
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and args[0] not in COMMANDS:
            raise unknown("command", args[0], COMMANDS, hint="'kerascnn --help' lists them")
        return super().resolve_command(ctx, args)


@click.group(
    cls=_LazyGroup,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name="kerascnn")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.pass_context
def cli(ctx: click.Context, debug: bool) -> None:
    """Train, track and understand convolutional networks."""
    check_working_folder()
    if ctx.invoked_subcommand is None:
        echo(ctx.get_help())
        return
    from kerascnn.scratch import temporary_files_in_scratch  # takes as long as --help

    ctx.with_resource(temporary_files_in_scratch())


class _Signals:
    """Ctrl-C, a scheduler's SIGTERM and a closed terminal's SIGHUP end a command alike."""

    def __init__(self) -> None:
        self.received = False
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)  # Windows has no SIGHUP
            # What nohup or a shell's background job ignores stays ignored.
            if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._receive)

    def _receive(self, number: int, frame: Any) -> None:
        self.received = True
        raise KeyboardInterrupt


def _print_warning(message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
    echo(f"Warning: {' '.join(str(message).split())}", err=True)


def _fail(line: str, code: int) -> NoReturn:
    line = " ".join(line.split())
    if len(line) > _LONGEST:  # somebody's file in place of a name, say
        line = f"{line[: _LONGEST // 2]} ... {line[-_LONGEST // 2 :]}"
    echo(f"Error: {line}", err=True)
    sys.exit(code)


def main() -> None:
    """Runs the command line.

    Exit codes: 0; 1 for a training that failed, an unexpected error, or where some of the files
    could not be read; 2 for a mistake of the user, told on one line; 130 after Ctrl-C.
    """
    # Millions of objects are imported, and stay. To look through them for rubbish after each 700
    # that are new, as Python does unless told otherwise, is a tenth of the time that it takes.
    gc.set_threshold(200_000)
    arguments = sys.argv[1:]
    debug = "--debug" in arguments  # before or after the subcommand
    if debug:
        arguments = [argument for argument in arguments if argument != "--debug"]
    else:
        warnings.showwarning = _print_warning
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # what it cannot write is shown as an escape
            stream.reconfigure(errors="backslashreplace")
    signals = _Signals()
    try:
        sys.exit(cli(arguments, prog_name="kerascnn", standalone_mode=False))
    except BrokenPipeError:  # the reader, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except (Exception, KeyboardInterrupt) as error:
        # A signal in the middle of an import can come out as whatever the import makes of it.
        if signals.received or isinstance(error, KeyboardInterrupt):
            echo("interrupted", err=True)
            sys.exit(130)
        if debug:
            raise
        if isinstance(error, click.exceptions.Abort):  # an EOFError, taken for a dialogue's end
            _fail("unexpected end of a file (--debug shows where)", 1)
        if isinstance(error, click.exceptions.NoArgsIsHelpError):
            echo(error.format_message())
            sys.exit(0)
        if isinstance(error, click.NoSuchOption) and error.ctx is not None:
            options = [option for param in error.ctx.command.params for option in param.opts]
            known = [option for option in options if option.startswith("--")]
            hint = f"'{error.ctx.command_path} --help' lists them"
            _fail(str(unknown("option", error.option_name, known, hint=hint)), 2)
        if isinstance(error, click.ClickException):
            _fail(error.format_message(), error.exit_code)
        if isinstance(error, UserError):
            _fail(str(error), 2)
        if isinstance(error, TrainingError):
            _fail(str(error), 1)
        first = (str(error).strip().splitlines() or [""])[0]
        _fail(f"unexpected {type(error).__name__}: {first} (--debug shows where)", 1)
    finally:
        # At its end the interpreter looks through all objects for rubbish: 0.5 to 2 s with MLflow,
        # in which nothing happens that anybody waits for.
        gc.freeze()


if __name__ == "__main__":
    main()
