//! Recipes as they stand in a document: files to write, and what to type with what is answered.
//!
//! A recipe begins with a heading of the second level that has code below it. A block of code
//! whose language is followed by a name is a file of that name; a block of `console` holds
//! commands, each behind `$`, and below each the lines of its answer that matter.

/// What to do, from one heading to the next.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Recipe {
    pub(super) title: String,
    pub(super) steps: Vec<Step>,
}

/// One thing to do.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    File { name: String, content: String },
    Command(Command),
}

/// Something to type.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Command {
    /// Where it stands, counted from 1.
    pub(super) line: usize,
    pub(super) text: String,
    /// Lines of the answer in their order, among others; `…` stands for anything.
    pub(super) answer: Vec<String>,
}

/// What a command ends with that has to fail.
const REFUSED: &str = "# refused";

impl Command {
    /// Whether it has to fail.
    pub(super) fn must_fail(&self) -> bool {
        self.text.ends_with(REFUSED)
    }

    /// What runs beside the commands after it; none if it comes to an end.
    pub(super) fn service(&self) -> Option<&str> {
        self.text.strip_suffix(" &")
    }

    /// The first line of the answer that did not come.
    pub(super) fn missing(&self, said: &str) -> Option<&str> {
        let mut lines = said.lines();
        let came = |wanted: &&String| !lines.any(|line| is_like(line.trim(), wanted.trim()));
        self.answer.iter().find(came).map(String::as_str)
    }
}

/// Whether a line is the one that was wanted, where `…` stands for anything.
fn is_like(line: &str, wanted: &str) -> bool {
    let Some((before, after)) = wanted.split_once('…') else {
        return line == wanted;
    };
    let Some(mut rest) = line.strip_prefix(before) else {
        return false;
    };
    let mut pieces: Vec<_> = after.split('…').collect();
    let last = pieces.pop().unwrap_or_default();
    for piece in pieces {
        match rest.find(piece) {
            Some(start) => rest = &rest[start + piece.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// Finds the recipes of a document.
pub(super) fn recipes(text: &str) -> Vec<Recipe> {
    let mut recipes: Vec<Recipe> = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((_, line)) = lines.next() {
        if let Some(title) = line.strip_prefix("## ") {
            let title = title.to_owned();
            let steps = Vec::new();
            recipes.push(Recipe { title, steps });
        }
        let Some(fence) = line.strip_prefix("```") else {
            continue;
        };
        let inside: Vec<_> = lines
            .by_ref()
            .take_while(|(_, line)| *line != "```")
            .collect();
        let Some(recipe) = recipes.last_mut() else {
            continue;
        };
        match fence.split_once(' ') {
            Some((_, name)) => {
                let mut content: String =
                    inside.iter().map(|(_, line)| format!("{line}\n")).collect();
                content.shrink_to_fit();
                let name = name.to_owned();
                recipe.steps.push(Step::File { name, content });
            }
            None if fence == "console" => {
                recipe
                    .steps
                    .extend(commands(&inside).into_iter().map(Step::Command));
            }
            None => {}
        }
    }
    recipes.retain(|recipe| !recipe.steps.is_empty());
    recipes
}

fn commands(lines: &[(usize, &str)]) -> Vec<Command> {
    let mut commands: Vec<Command> = Vec::new();
    for (number, line) in lines {
        let goes_on = commands
            .last()
            .is_some_and(|command| command.answer.is_empty() && command.text.ends_with('\\'));
        match (line.strip_prefix("$ "), commands.last_mut()) {
            (Some(text), _) => commands.push(Command {
                line: number + 1,
                text: text.to_owned(),
                answer: Vec::new(),
            }),
            (None, Some(command)) if goes_on => {
                command.text.push('\n');
                command.text.push_str(line);
            }
            (None, Some(command)) if !line.is_empty() => command.answer.push((*line).to_owned()),
            (None, _) => {}
        }
    }
    commands
}

#[cfg(test)]
mod tests {
    use super::{Command, Recipe, Step, is_like, recipes};

    #[test]
    fn files_and_commands_are_found_under_their_headings() {
        let text = "# Title\n\n```console\n$ before\n```\n\n## First\n\n```toml a.toml\nx = 1\n\n\
                    ```\n\ntext\n\n```console\n$ one \\\n    more\nsaid\n\nsaid too\n$ two # refused\n\
                    $ three &\n```\n\n## No recipe\n\n```json\n{}\n```\n";
        let command = |line, text: &str, answer: &[&str]| {
            Step::Command(Command {
                line,
                text: text.to_owned(),
                answer: answer.iter().map(|&line| line.to_owned()).collect(),
            })
        };
        let expected = Recipe {
            title: "First".to_owned(),
            steps: vec![
                Step::File {
                    name: "a.toml".to_owned(),
                    content: "x = 1\n\n".to_owned(),
                },
                command(17, "one \\\n    more", &["said", "said too"]),
                command(22, "two # refused", &[]),
                command(23, "three &", &[]),
            ],
        };
        assert_eq!(recipes(text), [expected]);
    }

    #[test]
    fn a_command_says_how_it_ends() {
        let command = |text: &str| Command {
            text: text.to_owned(),
            ..Command::default()
        };
        assert!(command("push # refused").must_fail());
        assert!(!command("push").must_fail());
        assert_eq!(command("serve &").service(), Some("serve"));
        assert_eq!(command("push").service(), None);
    }

    #[test]
    fn an_answer_is_held_against_what_stands_there() {
        let command = Command {
            answer: vec!["a … c".to_owned(), "last".to_owned()],
            ..Command::default()
        };
        assert_eq!(command.missing("first\na b c\nbetween\nlast\n"), None);
        assert_eq!(command.missing("last\na b c\n"), Some("last"));
        assert_eq!(command.missing("a b\nlast"), Some("a … c"));
        assert!(is_like("abcabc", "a…b…bc"));
        assert!(!is_like("abc", "a…bcd"));
        assert!(!is_like("ab", "ab…b"));
    }
}
