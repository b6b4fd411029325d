//! What the list of properties is made into.

/// From the names of the properties' modules, in the order of reports: all properties, and what the
/// judged ones remember.
macro_rules! properties {
    ($($name:ident),+ $(,)?) => {
        /// Every property there is.
        pub const ALL: &[PropertySpec] = &[$($name::PROPERTY),+];

        /// What the judged properties remember of a run: of each, nothing at all where it is not judged.
        #[derive(Clone, PartialEq, Eq, Hash, Debug)]
        pub struct Memories {
            $($name: Option<$name::Memory>,)+
        }

        impl Memories {
            /// What these properties remember before anything happened.
            pub(crate) fn blank(historian: &Historian, judged: &[&PropertySpec]) -> Self {
                let is_judged = |name: &str| judged.iter().any(|property| property.name == name);
                Memories {
                    $($name: is_judged($name::PROPERTY.name)
                        .then(|| Remembers::blank(historian)),)+
                }
            }

            /// Takes note of what happened. The ledger has it already.
            pub(crate) fn note(&mut self, base: Base<'_>, happening: &Happening<'_>) {
                $(if let Some(memory) = &mut self.$name {
                    memory.note(base, happening);
                })+
            }

            /// The same with clients, and the writes that they make, under other names.
            pub(crate) fn renamed(&self, names: &Permutation) -> Self {
                Memories {
                    $($name: self.$name.as_ref().map(|memory| memory.renamed(names)),)+
                }
            }

            /// Whether some property asks what all nodes hold after the step.
            pub(crate) fn have_questions(&self) -> bool {
                false $(|| self.$name.as_ref().is_some_and(Remembers::has_questions))+
            }

            /// Answers what properties ask about all nodes after a step.
            pub(crate) fn ask(&mut self, base: Base<'_>, nodes: &dyn Nodes) {
                $(if let Some(memory) = &mut self.$name && memory.has_questions() {
                    memory.ask(base, nodes);
                })+
            }

            /// Whether whatever breaks a property after the other memories breaks it after these.
            pub(crate) fn oblige_as_much_as(&self, other: &Self) -> bool {
                true $(&& match (&self.$name, &other.$name) {
                    (Some(one), Some(other)) => one.obliges_as_much_as(other),
                    (one, other) => one == other,
                })+
            }
        }
    };
}
