import Testing

/// What the compiler must accept, and what it must refuse: the part of the rules that no test at run time can reach.
@Suite("Compile fixtures", .serialized, .timeLimit(.minutes(10)))
struct CompileTests {
  private let compiler: Compiler

  init() throws {
    compiler = try Compiler()
  }

  @Test("there are fixtures of both kinds")
  func fixturesExist() {
    #expect(Fixture.all("Pass").count >= 5)
    #expect(Fixture.all("Fail").count >= 20)
  }

  @Test("compiles without a warning", arguments: Fixture.all("Pass"))
  func passes(_ fixture: Fixture) async throws {
    let verdict = try await compile(fixture)
    #expect(verdict.status == 0, "\(verdict.output)")
    #expect(verdict.errors.isEmpty)
  }

  @Test("does not compile, for the right reason", arguments: Fixture.all("Fail"))
  func fails(_ fixture: Fixture) async throws {
    let verdict = try await compile(fixture)
    #expect(verdict.status != 0)
    #expect(!fixture.expectations.isEmpty)
    for expectation in fixture.expectations {
      #expect(verdict.errors.contains { $0.contains(expectation) }, "\(verdict.output)")
    }
    for error in verdict.errors {
      #expect(fixture.expectations.contains { error.contains($0) }, "unexpected: \(error)")
    }
  }

  private func compile(_ fixture: Fixture) async throws -> Compiler.Verdict {
    let compiler = compiler
    return try await onThread { Result { try compiler.compile(fixture) } }.get()
  }
}
