"""Prometheus metrics, named and measured by Prometheus' own conventions: base units, `_total` for counters."""

from collections.abc import Iterable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

ACK = (0.05, 0.1, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0)  # a platform gives up after 3 s
WORK = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 40.0, 60.0, 120.0, 300.0)
WAIT = (0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0)
LAG = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)

COUNTERS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "imagine_jobs_received": ("Requests stored.", ("platform",)),
    "imagine_jobs_held": ("Requests that waited for a moderator.", ("platform",)),
    "imagine_jobs_finished": ("Requests that ended, by how.", ("state", "platform")),
    "imagine_jobs_recovered": ("Requests taken over from a worker that died.", ()),
    "imagine_leases_lost": ("Jobs a worker had to let go because another has them.", ()),
    "imagine_pictures": ("Pictures drawn.", ("backend",)),
    "imagine_pictures_swept": ("Picture files deleted because they were old.", ()),
    "imagine_spent_dollars": ("Money spent on pictures.", ("backend",)),
    "imagine_backend_errors": ("Drawing attempts that failed.", ("backend", "kind")),
    "imagine_delivery_errors": ("Delivery attempts that failed.", ("platform",)),
    "imagine_store_errors": ("Store operations that failed.", ()),
    "imagine_alerts": ("Things an operator should look at.", ()),
}
GAUGES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "imagine_queue_jobs": ("Unfinished requests.", ("state",)),
    "imagine_backend_closed": ("1 while a backend is not asked.", ("backend",)),
    "imagine_deliveries_stuck": ("Requests whose delivery failed and is tried again, in all processes.", ()),
}
HISTOGRAMS: Mapping[str, tuple[str, tuple[str, ...], tuple[float, ...]]] = {
    "imagine_ack_seconds": ("From a request's arrival to its acknowledgement.", ("platform",), ACK),
    "imagine_queue_wait_seconds": ("From the queue to a worker.", (), WAIT),
    "imagine_stage_seconds": ("How long a request spent in a stage.", ("stage",), WAIT),
    "imagine_backend_seconds": ("Drawing time of a request.", ("backend",), WORK),
    "imagine_event_loop_lag_seconds": ("How much later than planned the event loop woke up.", (), LAG),
}


class Metrics:
    """Every metric by its name. `backends` get their series at once, so that a dashboard shows zeros, not gaps."""

    def __init__(self, backends: Iterable[str] = ()) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        new = self._registry
        self._counters = {name: Counter(name, text, labels, registry=new) for name, (text, labels) in COUNTERS.items()}
        self._gauges = {name: Gauge(name, text, labels, registry=new) for name, (text, labels) in GAUGES.items()}
        self._histograms = {
            name: Histogram(name, text, labels, registry=new, buckets=buckets)
            for name, (text, labels, buckets) in HISTOGRAMS.items()
        }
        for backend in backends:
            self._counters["imagine_pictures"].labels(backend)
            self._counters["imagine_spent_dollars"].labels(backend)

    def record(self, name: str, value: float, labels: Mapping[str, str]) -> None:
        """Adds to a counter, sets a gauge, observes in a histogram."""
        if name in self._counters:
            counter = self._counters[name]
            (counter.labels(**labels) if labels else counter).inc(max(value, 0.0))
        elif name in self._gauges:
            gauge = self._gauges[name]
            (gauge.labels(**labels) if labels else gauge).set(value)
        else:
            histogram = self._histograms[name]
            (histogram.labels(**labels) if labels else histogram).observe(value)

    def exposition(self) -> bytes:
        """What `GET /metrics` answers, of CONTENT_TYPE."""
        return generate_latest(self._registry)
