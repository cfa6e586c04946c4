import Testing

/// The tests in which two threads race. One after the other: more spinning threads than processors would never meet.
@Suite(.serialized, .timeLimit(.minutes(20)))
enum Duels {}
