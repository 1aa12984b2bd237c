//! Any bytes are a message or refused; a value survives being written.
#![no_main]

use agent::kernel::message::{Act, Message};
use agent::kernel::msgpack;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = Message::decode(data).map_err(|reason| assert!(!reason.is_empty()));
    let Ok(value) = msgpack::decode(data) else { return };
    let bytes = msgpack::encode(&value);
    let again = msgpack::decode(&bytes).expect("what was written");
    assert_eq!(msgpack::encode(&again), bytes);
    if let Some(act) = Act::from_value(&value) {
        let told = msgpack::encode(&act.to_value());
        let again = Act::from_value(&msgpack::decode(&told).expect("an act")).expect("the act");
        assert_eq!(msgpack::encode(&again.to_value()), told);
    }
});
