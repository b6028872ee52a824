//! The W3C trace context that travels in frames: `00-<trace id>-<span id>-<flags>`.

use std::collections::BTreeMap;

use cairn_merkle::Digest;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

const HEADER: &str = "traceparent";

/// What a frame carries so that the next hop continues `span`'s trace. `None` when nothing is
/// exported here or the span is not sampled away from here.
pub fn carried(span: &Span) -> Option<String> {
    let mut carrier = Carrier(BTreeMap::new());
    TraceContextPropagator::new().inject_context(&span.context(), &mut carrier);
    carrier.0.remove(HEADER)
}

/// Make `span` a child of what a frame carried. Text that is not a trace context is ignored: a
/// peer must not be able to fail a frame with it.
pub fn continued_from(span: &Span, carried: Option<&str>) {
    let Some(text) = carried else { return };
    let carrier = Carrier(BTreeMap::from([(HEADER.to_owned(), text.to_owned())]));
    let context = TraceContextPropagator::new().extract(&carrier);
    // Fails only when no layer exports spans: then there is no trace to continue.
    let _ = span.set_parent(context);
}

/// The context that every node knows for a directive, whichever way it came: by frames, which carry
/// one, or by the coordinator, which carries none. Publisher and nodes continue the same trace.
pub fn of_directive(digest: &Digest) -> String {
    let hex = digest.to_string();
    // All zero would be no context; a digest is not.
    format!("00-{}-{}-01", &hex[..32], &hex[32..48])
}

struct Carrier(BTreeMap<String, String>);

impl Injector for Carrier {
    fn set(&mut self, key: &str, value: String) {
        self.0.insert(key.to_owned(), value);
    }
}

impl Extractor for Carrier {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(String::as_str).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_context_survives_a_hop() {
        use opentelemetry::trace::TracerProvider;
        use tracing_subscriber::layer::SubscriberExt;

        let provider = opentelemetry_sdk::trace::SdkTracerProvider::builder().build();
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
        let subscriber = tracing_subscriber::registry().with(layer);
        tracing::subscriber::with_default(subscriber, || {
            let publish = tracing::info_span!("publish");
            let text = carried(&publish).unwrap();
            let hop = tracing::info_span!("hop");
            continued_from(&hop, Some(&text));
            let next = carried(&hop).unwrap();
            // Same trace, another span.
            assert_eq!(text[..36], next[..36]);
            assert_ne!(text, next);
        });
    }

    #[test]
    fn what_is_not_a_context_is_ignored() {
        for text in ["", "00", "zz-zz-zz-zz", "00-00000000000000000000000000000000-0-0"] {
            continued_from(&Span::none(), Some(text));
        }
        assert_eq!(carried(&Span::none()), None);
    }
}
