//! Builds programs for seccomp(2) in classic BPF (linux/filter.h) from small functions.

use crate::numbers::NONE;
use std::collections::BTreeMap;

/// struct sock_filter
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Instruction {
    code: u16,
    jump_true: u8,
    jump_false: u8,
    value: u32,
}

pub type Program = Vec<Instruction>;

const LOAD: u16 = 0x20; // BPF_LD | BPF_W | BPF_ABS
const AND: u16 = 0x54; // BPF_ALU | BPF_AND | BPF_K
const JUMP: u16 = 0x05; // BPF_JMP | BPF_JA
const IF_EQUAL: u16 = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
const IF_AT_LEAST: u16 = 0x35; // BPF_JMP | BPF_JGE | BPF_K
const IF_ANY_BIT: u16 = 0x45; // BPF_JMP | BPF_JSET | BPF_K
const RETURN: u16 = 0x06; // BPF_RET | BPF_K

const RET_ALLOW: u32 = 0x7fff_0000;
const RET_ERRNO: u32 = 0x0005_0000;
const RET_USER_NOTIF: u32 = 0x7fc0_0000;
const RET_KILL_PROCESS: u32 = 0x8000_0000;

// The offsets of number, architecture and first argument in struct seccomp_data.
const NUMBER: u32 = 0;
const ARCHITECTURE: u32 = 4;
const ARGUMENTS: u32 = 16;

/// AUDIT_ARCH_X86_64, AUDIT_ARCH_AARCH64 (linux/audit.h); None where we know no call numbers.
const OURS: Option<u32> = if cfg!(target_arch = "x86_64") {
    Some(0xc000_003e)
} else if cfg!(target_arch = "aarch64") {
    Some(0xc000_00b7)
} else {
    None
};
/// Calls of the x32 interface claim to be x86_64 and have this bit; aarch64 has no such numbers.
const X32: u32 = 0x4000_0000;

fn instruction(code: u16, value: u32) -> Instruction {
    Instruction { code, jump_true: 0, jump_false: 0, value }
}

pub fn allow() -> Program {
    vec![instruction(RETURN, RET_ALLOW)]
}

pub fn refuse(errno: i32) -> Program {
    vec![instruction(RETURN, RET_ERRNO | errno as u32)]
}

/// The listening process decides.
pub fn ask() -> Program {
    vec![instruction(RETURN, RET_USER_NOTIF)]
}

pub fn kill() -> Program {
    vec![instruction(RETURN, RET_KILL_PROCESS)]
}

/// The low half of an argument: the kernel ignores the rest of an int.
pub fn argument(index: u32) -> Program {
    load(ARGUMENTS + 8 * index)
}

fn high_half(index: u32) -> Program {
    load(ARGUMENTS + 8 * index + 4)
}

fn load(offset: u32) -> Program {
    vec![instruction(LOAD, offset)]
}

pub fn masked(index: u32, mask: u32) -> Program {
    [argument(index), vec![instruction(AND, mask)]].concat()
}

/// `then` if the value loaded last is this one, otherwise `otherwise`. Both must return.
pub fn if_equal(value: u32, then: Program, otherwise: Program) -> Program {
    branch(IF_EQUAL, value, then, otherwise)
}

pub fn if_any_bit(bits: u32, then: Program, otherwise: Program) -> Program {
    branch(IF_ANY_BIT, bits, then, otherwise)
}

pub fn if_any_of(values: &[u32], then: Program, otherwise: Program) -> Program {
    values.iter().fold(otherwise, |otherwise, &value| if_equal(value, then.clone(), otherwise))
}

/// Whether a pointer is null, which means both of its halves.
pub fn if_null(index: u32, then: Program, otherwise: Program) -> Program {
    let low = [argument(index), if_equal(0, then, otherwise.clone())].concat();
    [high_half(index), if_equal(0, low, otherwise)].concat()
}

/// A conditional jump reaches 255 instructions far, an unconditional one any distance. The kernel
/// translates each instruction at each start of an agent, so programs must be short.
fn branch(code: u16, value: u32, then: Program, otherwise: Program) -> Program {
    // The jump over `then` is taken when the condition fails.
    let mut program = match u8::try_from(then.len()) {
        Ok(jump_false) => vec![Instruction { code, jump_true: 0, jump_false, value }],
        Err(_) => {
            let condition = Instruction { code, jump_true: 1, jump_false: 0, value };
            vec![condition, instruction(JUMP, then.len() as u32)]
        }
    };
    program.extend(then);
    program.extend(otherwise);
    program
}

/// A filter with a program for each call; `other` is for all calls that are not named. None where
/// the call numbers of this processor are unknown.
///
/// It finds a number by binary search, not one by one: Linux (since 5.11) runs a new filter once
/// for each number, to learn which calls it always allows.
pub fn whole(calls: &BTreeMap<u32, Program>, other: &Program) -> Option<Program> {
    let mut steps: Vec<(u32, &Program)> = vec![(0, other)];
    for (&number, program) in calls.iter().filter(|(&number, _)| number != NONE) {
        if steps.last().is_some_and(|&(begin, _)| begin == number) {
            steps.pop();
        }
        if !steps.last().is_some_and(|&(_, before)| before == program) {
            steps.push((number, program));
        }
        let unnamed_next = !calls.contains_key(&(number + 1));
        if unnamed_next && program != other {
            steps.push((number + 1, other));
        }
    }
    let native = [load(NUMBER), if_at_least(X32, kill(), halved(&steps))].concat();
    Some([load(ARCHITECTURE), if_equal(OURS?, native, kill())].concat())
}

/// Where a program compares what it has loaded with this value.
pub fn comparisons(program: &[Instruction], value: u32) -> Vec<usize> {
    let is_meant = |at: &usize| program[*at].code == IF_EQUAL && program[*at].value == value;
    (0..program.len()).filter(is_meant).collect()
}

/// Compare with this value in these places.
pub fn compare_with(program: &mut [Instruction], places: &[usize], value: u32) {
    for &at in places {
        program[at].value = value;
    }
}

fn if_at_least(value: u32, then: Program, otherwise: Program) -> Program {
    branch(IF_AT_LEAST, value, then, otherwise)
}

/// Each program is for the numbers from its own to just before the next one's.
fn halved(steps: &[(u32, &Program)]) -> Program {
    match steps {
        [] => Vec::new(),
        [(_, program)] => (*program).clone(),
        _ => {
            let (low, high) = steps.split_at(steps.len() / 2);
            if_at_least(high[0].0, halved(high), halved(low))
        }
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// The value that the filter would return to the kernel for a call.
    pub fn run(program: &[Instruction], number: u32, arguments: [u64; 6]) -> u32 {
        let (mut at, mut loaded) = (0, 0);
        loop {
            let Instruction { code, jump_true, jump_false, value } = program[at];
            at += 1;
            let mut jump_if =
                |holds: bool| at += usize::from(if holds { jump_true } else { jump_false });
            match code {
                LOAD => loaded = word(value, number, arguments),
                AND => loaded &= value,
                JUMP => at += value as usize,
                IF_EQUAL => jump_if(loaded == value),
                IF_AT_LEAST => jump_if(loaded >= value),
                IF_ANY_BIT => jump_if(loaded & value != 0),
                RETURN => return value,
                _ => panic!("no such instruction: {code:x}"),
            }
        }
    }

    fn word(offset: u32, number: u32, arguments: [u64; 6]) -> u32 {
        match offset {
            NUMBER => number,
            ARCHITECTURE => OURS.unwrap(),
            _ => {
                let index = (offset - ARGUMENTS) / 8;
                let high = (offset - ARGUMENTS) % 8 == 4;
                (arguments[index as usize] >> if high { 32 } else { 0 }) as u32
            }
        }
    }

    #[test]
    fn each_number_gets_its_own_program_and_others_the_other_one() {
        let calls = BTreeMap::from([(0, allow()), (1, allow()), (3, kill()), (9, refuse(2))]);
        let program = whole(&calls, &refuse(38)).unwrap();
        let told = |number| run(&program, number, [0; 6]);
        let errno = |number| RET_ERRNO | number;
        assert_eq!(
            (0..5).map(told).collect::<Vec<_>>(),
            [RET_ALLOW, RET_ALLOW, errno(38), RET_KILL_PROCESS, errno(38)]
        );
        assert_eq!((8..11).map(told).collect::<Vec<_>>(), [errno(38), errno(2), errno(38)]);
        assert_eq!(told(X32), RET_KILL_PROCESS);
    }

    #[test]
    fn other_architecture_is_killed() {
        let program = whole(&BTreeMap::new(), &allow()).unwrap();
        let foreign = [vec![instruction(LOAD, NUMBER)], program[1..].to_vec()].concat();
        assert_eq!(run(&program, 7, [0; 6]), RET_ALLOW);
        assert_eq!(run(&foreign, 7, [0; 6]), RET_KILL_PROCESS);
    }

    #[test]
    fn long_branches_are_reached() {
        let long: Program = (0..400).flat_map(|_| argument(0)).chain(allow()).collect();
        let program = [argument(1), if_equal(5, long.clone(), [long, kill()].concat())].concat();
        assert_eq!(run(&program, 0, [0, 5, 0, 0, 0, 0]), RET_ALLOW);
        assert_eq!(run(&program, 0, [0, 6, 0, 0, 0, 0]), RET_ALLOW);
    }

    #[test]
    fn pointer_with_only_a_high_half_is_not_null() {
        let program = if_null(0, allow(), kill());
        assert_eq!(run(&program, 0, [0; 6]), RET_ALLOW);
        assert_eq!(run(&program, 0, [1 << 32, 0, 0, 0, 0, 0]), RET_KILL_PROCESS);
        assert_eq!(run(&program, 0, [1, 0, 0, 0, 0, 0]), RET_KILL_PROCESS);
    }
}
