//! From a tree to instructions.
//!
//! Source: Go regexp/syntax (compile.go, simplify.go), for the order of preference.

use alloc::vec::Vec;

use super::{
    PatternError,
    class::Class,
    parse::{Assertion, Node},
};

/// Largest program.
pub(super) const INSTRUCTIONS_MAX: usize = 50_000;

/// One step. What has no target goes on with the instruction behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Instruction {
    Character(u32),
    /// A character of the class of this number.
    Class(u32),
    Any,
    AnyInLine,
    Assert(Assertion),
    /// Remembers the position in this slot.
    Save(u32),
    Jump(u32),
    /// Both, the first preferred.
    Split(u32, u32),
    Match,
}

/// Instructions and the classes they name.
#[derive(Clone, Debug)]
pub(super) struct Program {
    pub(super) instructions: Vec<Instruction>,
    pub(super) classes: Vec<Class>,
}

/// Compiles a tree.
pub(super) fn compile(node: &Node) -> Result<Program, PatternError> {
    let mut compiler = Compiler { program: Program { instructions: Vec::new(), classes: Vec::new() } };
    compiler.emit(Instruction::Save(0))?;
    compiler.node(node)?;
    compiler.emit(Instruction::Save(1))?;
    compiler.emit(Instruction::Match)?;
    Ok(compiler.program)
}

struct Compiler {
    program: Program,
}

impl Compiler {
    /// The number of the next instruction.
    fn here(&self) -> u32 {
        // At most INSTRUCTIONS_MAX.
        u32::try_from(self.program.instructions.len()).unwrap_or(u32::MAX)
    }

    fn emit(&mut self, instruction: Instruction) -> Result<usize, PatternError> {
        let at = self.program.instructions.len();
        if at >= INSTRUCTIONS_MAX {
            return Err(PatternError::TooLarge);
        }
        self.program.instructions.push(instruction);
        Ok(at)
    }

    fn set(&mut self, at: usize, instruction: Instruction) {
        if let Some(place) = self.program.instructions.get_mut(at) {
            *place = instruction;
        }
    }

    fn node(&mut self, node: &Node) -> Result<(), PatternError> {
        match node {
            Node::Empty => {}
            Node::Character(point) => drop(self.emit(Instruction::Character(*point))?),
            Node::Class(class) => {
                let number = self.class(class);
                self.emit(Instruction::Class(number))?;
            }
            Node::Any => drop(self.emit(Instruction::Any)?),
            Node::AnyInLine => drop(self.emit(Instruction::AnyInLine)?),
            Node::Assert(assertion) => drop(self.emit(Instruction::Assert(*assertion))?),
            Node::Capture(number, node) => {
                let slot = u32::try_from(2 * number).unwrap_or(u32::MAX - 1);
                self.emit(Instruction::Save(slot))?;
                self.node(node)?;
                self.emit(Instruction::Save(slot + 1))?;
            }
            Node::Concat(nodes) => {
                for node in nodes {
                    self.node(node)?;
                }
            }
            Node::Alternate(nodes) => self.alternate(nodes)?,
            Node::Repeat { node, min, max, greedy } => self.repeat(node, *min, *max, *greedy)?,
        }
        Ok(())
    }

    /// The number of a class; copies of a repetition share it.
    fn class(&mut self, class: &Class) -> u32 {
        let classes = &mut self.program.classes;
        let number = classes.iter().position(|known| known == class).unwrap_or_else(|| {
            classes.push(class.clone());
            classes.len() - 1
        });
        u32::try_from(number).unwrap_or(u32::MAX)
    }

    fn alternate(&mut self, nodes: &[Node]) -> Result<(), PatternError> {
        let mut ends = Vec::new();
        for (i, node) in nodes.iter().enumerate() {
            if i + 1 == nodes.len() {
                self.node(node)?;
                break;
            }
            let split = self.emit(Instruction::Match)?;
            self.node(node)?;
            ends.push(self.emit(Instruction::Match)?);
            let (first, second) = (Self::behind(split), self.here());
            self.set(split, Instruction::Split(first, second));
        }
        let end = self.here();
        ends.into_iter().for_each(|at| self.set(at, Instruction::Jump(end)));
        Ok(())
    }

    /// `min` copies, then as many as `max` allows, each within the one before it.
    fn repeat(&mut self, node: &Node, min: u32, max: Option<u32>, greedy: bool) -> Result<(), PatternError> {
        let Some(max) = max else {
            for _ in 1..min {
                self.node(node)?;
            }
            return if min == 0 { self.star(node, greedy) } else { self.plus(node, greedy) };
        };
        for _ in 0..min {
            self.node(node)?;
        }
        let mut splits = Vec::new();
        for _ in min..max {
            splits.push(self.emit(Instruction::Match)?);
            self.node(node)?;
        }
        let end = self.here();
        for split in splits {
            self.set(split, Self::split(greedy, Self::behind(split), end));
        }
        Ok(())
    }

    /// A part that may be empty is repeated as `(part+)?`, so that the order of preference is right.
    fn star(&mut self, node: &Node, greedy: bool) -> Result<(), PatternError> {
        let split = self.emit(Instruction::Match)?;
        if nullable(node) {
            self.plus(node, greedy)?;
        } else {
            self.node(node)?;
            self.emit(Instruction::Jump(u32::try_from(split).unwrap_or(u32::MAX)))?;
        }
        let end = self.here();
        self.set(split, Self::split(greedy, Self::behind(split), end));
        Ok(())
    }

    fn plus(&mut self, node: &Node, greedy: bool) -> Result<(), PatternError> {
        let start = self.here();
        self.node(node)?;
        let split = self.emit(Instruction::Match)?;
        self.set(split, Self::split(greedy, start, Self::behind(split)));
        Ok(())
    }

    fn behind(at: usize) -> u32 {
        u32::try_from(at + 1).unwrap_or(u32::MAX)
    }

    fn split(greedy: bool, on: u32, out: u32) -> Instruction {
        if greedy { Instruction::Split(on, out) } else { Instruction::Split(out, on) }
    }
}

/// Whether a part can match nothing.
fn nullable(node: &Node) -> bool {
    match node {
        Node::Empty | Node::Assert(_) => true,
        Node::Character(_) | Node::Class(_) | Node::Any | Node::AnyInLine => false,
        Node::Capture(_, node) => nullable(node),
        Node::Concat(nodes) => nodes.iter().all(nullable),
        Node::Alternate(nodes) => nodes.iter().any(nullable),
        Node::Repeat { node, min, .. } => *min == 0 || nullable(node),
    }
}
