"""What Prefect does not document, and sitsflow uses: an upgrade that breaks it is seen here."""

import subprocess
import sys
import textwrap

import pytest
from prefect.context import hydrated_context, serialize_context
from prefect.settings import PREFECT_API_URL, get_current_settings, temporary_settings

from flows.prefect_compat import is_suspended, settings_written_once, suspend
from tests.slow import mostly_slow


def test_outside_of_a_flow_nothing_is_suspended() -> None:
    assert not is_suspended()
    suspend()


def test_settings_are_written_once_for_all_tasks_and_a_worker_reads_them() -> None:
    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:4321/api"}):
        alone = serialize_context()["settings_context"]
        with settings_written_once():
            first, second = (serialize_context() for _ in range(2))
            settings = get_current_settings()
    assert first["settings_context"] == alone
    assert second["settings_context"] is first["settings_context"]
    with hydrated_context(first):
        assert get_current_settings() == settings
        assert get_current_settings().api.url == "http://127.0.0.1:4321/api"
    assert serialize_context()["settings_context"] != alone


@pytest.mark.engine
def test_a_suspended_run_is_known_as_such_in_its_steps(engine: dict[str, str]) -> None:
    code = """
        from prefect import flow
        from prefect.context import FlowRunContext
        from prefect.exceptions import Pause
        from prefect.states import Suspended
        from flows.prefect_compat import is_suspended, suspend

        @flow
        def step():
            assert not is_suspended()
            suspend()
            # What Prefect's observer does where the server says that the parent run is suspended.
            FlowRunContext.get().flow_run_suspension_request.mark_requested(Suspended())
            assert is_suspended()
            suspend()

        @flow
        def run():
            step(return_state=True)

        try:
            run()
        except Pause as pause:
            print("paused:", pause.state.name)
    """
    ran = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env=engine, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.stdout.strip() == "paused: Suspended", ran.stderr


@pytest.mark.engine
@pytest.mark.parametrize("stays", mostly_slow([True, False], quick=1))
def test_flush_sends_what_a_process_has_still_to_say(engine: dict[str, str], stays: bool) -> None:
    code = f"""
        import os, sys
        from prefect import flow, get_client, runtime, task
        from flows.prefect_compat import flush

        @task
        def one():
            print(runtime.task_run.id)

        @flow
        def run():
            one()
            flush(stays={stays})
            sys.stdout.flush()
            os._exit(0)  # nothing is sent after this

        run()
    """
    ran = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env=engine, capture_output=True, text=True, check=False,
    )  # fmt: skip
    task_run = ran.stdout.strip()
    assert task_run, ran.stderr
    look = f"""
        import time
        from prefect import get_client
        until = time.monotonic() + 20
        with get_client(sync_client=True) as client:
            while time.monotonic() < until:
                try:
                    state = client.read_task_run({task_run!r}).state
                    if state.is_completed():
                        print(state.name)
                        break
                except Exception:
                    pass
                time.sleep(0.2)
    """
    found = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(look)],
        env=engine, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert found.stdout.strip() == "Completed", found.stderr
