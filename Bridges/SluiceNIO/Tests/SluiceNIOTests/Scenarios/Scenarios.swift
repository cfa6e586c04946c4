import Testing

/// What SwiftNIO's own loops do and the ring's must do, too; what differs all the same is told in docs/differences.md. One after
/// the other: two cores have enough to do with one.
@Suite(.serialized) enum Scenarios {}
