//! A line of a journal is read or refused; what was read is written and read again as the same; and the state of a run
//! takes any lines in any order.
#![no_main]

use autopilot::evidence::event::Event;
use autopilot::evidence::{RunState, fuzzing::parse, journal::Stamped};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut state: Option<RunState> = None;
    for line in bytes.split(|&byte| byte == b'\n').filter_map(parse) {
        let written = serde_json::to_vec(&line.event).expect("an event is JSON");
        let again: Event = serde_json::from_slice(&written).expect("what was written is read");
        assert_eq!(again, line.event);
        let Some(time) = line.time() else { continue };
        let stamped = Stamped { time, event: line.event.clone() };
        match (&mut state, &line.event) {
            (None, Event::RunStarted(start)) => state = Some(RunState::new((**start).clone(), stamped.time)),
            (Some(state), _) => state.apply(&stamped),
            (None, _) => {}
        }
    }
});
