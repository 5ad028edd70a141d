"""When a filled-in form is restricted: in runs of deployments, and nowhere else."""

from pathlib import Path

import pytest

from blocks.allowed import DATA_ROOTS, MODULE_PATHS
from blocks.run_form import RunForm
from flows.filled_form import resolve_form
from sitsflow.errors import ConfigError, NotAllowedError


@pytest.fixture
def form(tmp_path: Path, products: Path) -> RunForm:
    module = tmp_path / "mine.py"
    module.touch()
    chain = {"list_tile": "T31TCJ", "s2_path": str(products), "output_path": str(tmp_path / "out")}
    return RunForm(config={"chain": chain, "external_features": {"module": str(module)}})


@pytest.fixture
def deployment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make Prefect say that a deployment runs this."""
    monkeypatch.setenv("PREFECT__RUNTIME__DEPLOYMENT__ID", "b0ff1b4e-91f3-4b5f-8d73-0a3f8b6b1b44")
    for name in (MODULE_PATHS, DATA_ROOTS):
        monkeypatch.delenv(name, raising=False)


def test_a_flow_that_somebody_calls_is_free(form: RunForm) -> None:
    resolved, _ = resolve_form(form)
    assert resolved.configuration.external_features.module is not None


@pytest.mark.usefixtures("deployment")
def test_a_run_of_a_deployment_has_the_folders_of_its_worker(
    form: RunForm, tmp_path: Path, products: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(DATA_ROOTS, f"{tmp_path}:{products}")
    with pytest.raises(NotAllowedError, match=r"external_features\.module.*SITSFLOW_MODULE_PATHS"):
        resolve_form(form)
    monkeypatch.setenv(MODULE_PATHS, str(tmp_path))
    resolve_form(form)


@pytest.mark.usefixtures("deployment")
def test_folders_of_sensor_descriptions_are_not_read_before_they_are_allowed(
    form: RunForm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(DATA_ROOTS, "/nowhere")
    (tmp_path / "secret.yaml").write_text("token: 1234")
    form.config["chain"]["sensor_folders"] = [str(tmp_path)]
    with pytest.raises(ConfigError) as caught:
        resolve_form(form)
    assert "chain.sensor_folders: " in str(caught.value)
    assert "token" not in str(caught.value)
