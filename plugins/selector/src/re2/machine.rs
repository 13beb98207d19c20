//! Runs a program over a text: all ways at once, in order of preference, so that time is linear in both.

use alloc::{vec, vec::Vec};
use core::str::Chars;

use super::{
    Captures,
    class::Class,
    parse::Assertion,
    program::{Instruction, Program},
};

/// The leftmost match that starts at byte `from` or later: the first `slots` positions of it, none if nobody asks.
pub(super) fn find(program: &Program, text: &str, from: usize, slots: usize) -> Option<Captures> {
    let mut machine =
        Machine { program, slots, stack: Vec::new(), seen: vec![0; program.instructions.len()], round: 1 };
    let (mut now, mut next) = (Threads::default(), Threads::default());
    let none = vec![None; slots];
    let mut matched = None;
    let mut place = Place::new(text, from)?;
    loop {
        if matched.is_none() {
            machine.add(&mut now, 0, &place, &none);
        }
        let here = place.after();
        let behind = place.advance();
        machine.round += 1;
        next.clear();
        for (i, pc) in now.pcs.iter().enumerate() {
            let captures = now.captures.get(i * slots..(i + 1) * slots).unwrap_or(&[]);
            let instruction = program.instructions.get(*pc as usize).copied().unwrap_or(Instruction::Match);
            if instruction == Instruction::Match {
                matched = Some(captures.to_vec());
                if slots == 0 {
                    return matched;
                }
                break; // What follows is less preferred.
            }
            if here.is_some_and(|c| consumes(&program.classes, instruction, u32::from(c))) {
                machine.add(&mut next, pc + 1, &place, captures);
            }
        }
        core::mem::swap(&mut now, &mut next);
        if !behind || (now.pcs.is_empty() && matched.is_some()) {
            return matched;
        }
    }
}

/// Ways that wait for the next character, the preferred first, with `slots` positions each.
#[derive(Default)]
struct Threads {
    pcs: Vec<u32>,
    captures: Vec<Option<usize>>,
}

impl Threads {
    fn clear(&mut self) {
        self.pcs.clear();
        self.captures.clear();
    }
}

/// A place between two characters.
struct Place<'a> {
    position: usize,
    before: Option<char>,
    rest: Chars<'a>,
}

impl<'a> Place<'a> {
    fn new(text: &'a str, position: usize) -> Option<Self> {
        let (before, rest) = text.split_at_checked(position)?;
        Some(Self { position, before: before.chars().next_back(), rest: rest.chars() })
    }

    fn after(&self) -> Option<char> {
        self.rest.clone().next()
    }

    /// Goes behind the next character; `false` at the end.
    fn advance(&mut self) -> bool {
        self.before = self.rest.next();
        self.position += self.before.map_or(0, char::len_utf8);
        self.before.is_some()
    }

    fn holds(&self, assertion: Assertion) -> bool {
        let word = |c: Option<char>| c.is_some_and(|c| c == '_' || c.is_ascii_alphanumeric());
        let line = |c: Option<char>| c.is_none_or(|c| c == '\n');
        match assertion {
            Assertion::TextStart => self.before.is_none(),
            Assertion::TextEnd => self.after().is_none(),
            Assertion::LineStart => line(self.before),
            Assertion::LineEnd => line(self.after()),
            Assertion::WordBoundary => word(self.before) != word(self.after()),
            Assertion::NoWordBoundary => word(self.before) == word(self.after()),
        }
    }
}

struct Machine<'a> {
    program: &'a Program,
    slots: usize,
    /// What is left to do for one thread: instructions to look at, positions to restore behind them.
    stack: Vec<Task>,
    /// The round in which an instruction was seen last.
    seen: Vec<u32>,
    round: u32,
}

enum Task {
    Visit(u32),
    Restore(usize, Option<usize>),
}

impl Machine<'_> {
    /// Adds the ways that lead from `pc` to a character or to a match.
    fn add(&mut self, threads: &mut Threads, pc: u32, place: &Place<'_>, captures: &[Option<usize>]) {
        let mut captures = captures.to_vec();
        self.stack.push(Task::Visit(pc));
        while let Some(task) = self.stack.pop() {
            let pc = match task {
                Task::Visit(pc) => pc,
                Task::Restore(slot, position) => {
                    captures[slot] = position;
                    continue;
                }
            };
            let Some(seen) = self.seen.get_mut(pc as usize).filter(|seen| **seen != self.round) else { continue };
            *seen = self.round;
            match self.program.instructions.get(pc as usize).copied().unwrap_or(Instruction::Match) {
                Instruction::Jump(to) => self.stack.push(Task::Visit(to)),
                Instruction::Split(first, second) => {
                    self.stack.push(Task::Visit(second));
                    self.stack.push(Task::Visit(first));
                }
                Instruction::Assert(assertion) if place.holds(assertion) => self.stack.push(Task::Visit(pc + 1)),
                Instruction::Assert(_) => {}
                Instruction::Save(slot) => {
                    let slot = slot as usize;
                    if slot < self.slots {
                        self.stack.push(Task::Restore(slot, captures[slot]));
                        captures[slot] = Some(place.position);
                    }
                    self.stack.push(Task::Visit(pc + 1));
                }
                Instruction::Character(_)
                | Instruction::Class(_)
                | Instruction::Any
                | Instruction::AnyInLine
                | Instruction::Match => {
                    threads.pcs.push(pc);
                    threads.captures.extend_from_slice(&captures);
                }
            }
        }
    }
}

/// Whether an instruction takes a character.
fn consumes(classes: &[Class], instruction: Instruction, point: u32) -> bool {
    match instruction {
        Instruction::Character(wanted) => wanted == point,
        Instruction::Class(number) => classes.get(number as usize).is_some_and(|class| class.contains(point)),
        Instruction::Any => true,
        Instruction::AnyInLine => point != u32::from('\n'),
        Instruction::Assert(_)
        | Instruction::Save(_)
        | Instruction::Jump(_)
        | Instruction::Split(..)
        | Instruction::Match => false,
    }
}
