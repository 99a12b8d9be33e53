"""The list of plugins as people see it: one record each, whatever became of it."""

from __future__ import annotations

from dicomlogic_core.offers import KINDS, Offer
from dicomlogic_core.plugin_records import PluginRecord, Status
from dicomlogic_core.plugin_set import PluginSet
from dicomlogic_core.registry import Registry


def make_records(plugins: PluginSet, registry: Registry) -> list[PluginRecord]:
    """Registered plugins in their order, then those that could not be registered, then those that are blocked."""
    offers = [offer for kind in KINDS for offer in registry.offers(kind)]
    records = [_registered(plugins, name, offers) for name in plugins.origins]
    for failure in plugins.failures:
        if failure.plugin not in {record.name for record in records}:
            records.append(
                PluginRecord(
                    name=failure.plugin,
                    distribution=failure.distribution,
                    version=failure.version,
                    status="failed",
                    error=_errors(plugins, failure.plugin),
                )
            )
    for origin, reason in plugins.blocked.items():
        records.append(
            PluginRecord(
                name=origin.plugin,
                distribution=origin.distribution,
                version=origin.version,
                status="blocked",
                error=reason,
                notes=origin.notes,
            )
        )
    return records


def _registered(plugins: PluginSet, name: str, offers: list[Offer]) -> PluginRecord:
    origin = plugins.origins[name]
    mine = [offer for offer in offers if offer.origin.plugin == name]
    unavailable = [
        f"{offer.kind} {offer.provider.name} {offer.unavailable} ({offer.install})"
        for offer in mine
        if offer.unavailable
    ]
    error = _errors(plugins, name)
    status: Status = "failed" if error else "unavailable" if unavailable else "ok"
    return PluginRecord(
        name=name,
        distribution=origin.distribution,
        version=origin.version,
        status=status,
        hooks=plugins.implemented[name],
        provides=tuple(f"{offer.kind}:{offer.provider.name}" for offer in mine if not offer.unavailable),
        error="; ".join(part for part in (error, *unavailable) if part),
        notes=origin.notes,
    )


def _errors(plugins: PluginSet, name: str) -> str:
    return "; ".join(f"{failure.stage}: {failure.error}" for failure in plugins.failures if failure.plugin == name)
