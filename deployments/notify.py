"""Have the configured Prefect server call a webhook when a map was not made, or not all of it.

``python -m deployments.notify URL``. Doing it again replaces the address; the automation is
described by notify.yaml, and can be switched off in the UI (Automations).
"""

from __future__ import annotations

import sys
from pathlib import Path

import yaml
from prefect import get_client
from prefect.automations import AutomationCore
from prefect.blocks.webhook import Webhook

from deployments.register import required_server

DESCRIPTION = Path(__file__).with_name("notify.yaml")
BLOCK = "sitsflow-notify"


def notify(url: str) -> str:
    """Save a webhook block for `url` and the automation that calls it; return what there is."""
    headers = {"Content-Type": "application/json"}
    block = Webhook.model_validate({"url": url, "headers": headers})
    described = yaml.safe_load(DESCRIPTION.read_text(encoding="utf-8"))
    (action,) = described["actions"]
    action["block_document_id"] = str(block.save(BLOCK, overwrite=True))
    automation = AutomationCore.model_validate(described)
    with get_client(sync_client=True) as client:
        if there := client.read_automations_by_name(automation.name):
            client.update_automation(there[0].id, automation)
        else:
            client.create_automation(automation)
    return f"automation {automation.name}, which calls the webhook block {BLOCK}"


def main() -> None:
    """Register the automation, and say so."""
    arguments = sys.argv[1:]
    if len(arguments) != 1 or not arguments[0].startswith(("http://", "https://")):
        sys.exit("give one address, e.g. python -m deployments.notify https://hooks.example/T0/B0")
    server = required_server()
    sys.stdout.write(f"on {server}: {notify(arguments[0])}\n")


if __name__ == "__main__":
    main()
