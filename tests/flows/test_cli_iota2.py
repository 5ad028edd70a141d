"""What the command answers to somebody who types iota2's options."""

import pytest

from flows.cli.iota2 import ANSWERS, answer
from tests.flows.test_cli import run


@pytest.mark.parametrize(
    ("typed", "wanted"),
    [
        ("-config x.cfg", "sitsflow run x.cfg"),
        ("Iota2.py -config x.cfg -scheduler_type localCluster", "sitsflow run x.cfg"),
        ("run --config=x.cfg --fresh", "sitsflow run x.cfg --fresh"),
        ("run x.cfg -restart", "sitsflow run x.cfg"),
        ("x.cfg -restart_from states.txt", "sitsflow run x.cfg"),
        ("check --config x.cfg --set a.b=c", "sitsflow check x.cfg --set a.b=c"),
        ("-only_summary -config x.cfg -nb_parallel_tasks 4", "sitsflow check x.cfg"),
        ("run --only-summary", "sitsflow check FILE"),
        (
            "-config x.cfg -starting_step 2 -ending_step 4",
            "sitsflow run x.cfg --from init --to writing",
        ),
        ("-config x.cfg -starting_step 5 -ending_step -1", "sitsflow run x.cfg --from mosaic"),
        ("-config x.cfg -ending_step 9", "sitsflow run x.cfg"),
        ("-config x.cfg -nb_parallel_tasks 4", "sitsflow run x.cfg --workers 4"),
        (
            "-config x.cfg -scheduler_type Slurm -nb_parallel_tasks 4 -config_ressources r.cfg",
            "sitsflow run x.cfg --cluster NAME",
        ),
        ("-config x.cfg -scheduler_type debug", "sitsflow run x.cfg --workers 1 --debug"),
        ("-execution_graph_files a.svg b.svg -config x.cfg", "sitsflow run x.cfg"),
    ],
)
def test_the_command_to_type(typed: str, wanted: str) -> None:
    said = answer(typed.split())
    assert said is not None
    assert said.splitlines()[-1] == f"type: {wanted}"


def test_a_path_with_blanks_can_be_copied() -> None:
    said = answer(["-config", "my maps/x.cfg"])
    assert said is not None
    assert said.endswith("type: sitsflow run 'my maps/x.cfg'")


@pytest.mark.parametrize("typed", ["status -config x.cfg", "config save --config"])
def test_other_commands_get_no_guess(typed: str) -> None:
    said = answer(typed.split())
    assert said is not None
    assert "type:" not in said


@pytest.mark.parametrize("name", ANSWERS)
@pytest.mark.parametrize("dashes", ["-", "--"])
def test_every_option_is_answered_before_anything_starts(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, dashes: str
) -> None:
    assert run(monkeypatch, "run", f"{dashes}{name}", "value") == 2
    said = capsys.readouterr().err
    assert said.startswith(f"sitsflow: -{name} is an option of iota2's command")
    assert f"  -{name}: {ANSWERS[name]}\n" in said
    assert "docs/coming-from-iota2.md" in said


@pytest.mark.parametrize(
    "typed",
    [
        "run x.cfg --set chain.proj=-config --from init --workers 4",
        "config list",
        "simulate out --tiles T31TCJ --start 20180101 --end 20181231",
        "",
    ],
)
def test_our_own_options_are_not_taken_for_iota2s(typed: str) -> None:
    assert answer(typed.split()) is None
