//! Any bytes a keeper hears are requests or rubbish, and what was framed is read again.
#![no_main]
#![allow(dead_code)]

use libfuzzer_sys::fuzz_target;

include!(concat!(env!("OUT_DIR"), "/keeper.rs"));

fuzz_target!(|data: &[u8]| {
    let mut rest = data;
    while let Ok(Some((body, length))) = wire::first_frame(rest) {
        let _ = wire::request(body);
        rest = &rest[length..];
    }
    let _ = wire::request(data);
    if let Ok(text) = std::str::from_utf8(data) {
        let framed = wire::frame(&text.split('\0').collect::<Vec<_>>());
        assert_eq!(wire::first_frame(&framed), Ok(Some((data, framed.len()))));
    }
});
