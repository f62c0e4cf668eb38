import DitherBasics
import DitherTestSupport
import Foundation
import Testing

@Suite("Other programs")
struct ChildProcessTests {
  @Test("their words, their end, their folder and their environment")
  func runs() throws {
    let scratch = try Scratch()
    let found = try ChildProcess.run(
      ["/bin/sh", "-c", "pwd -P; echo $A; echo wrong >&2; exit 3"], in: scratch.path, environment: ["A": "b c"])
    let folder = URL(filePath: scratch.path).resolvingSymlinksInPath().path
    #expect(found.status == 3 && found.words == "\(folder)\nb c\nwrong\n")
    #expect(throws: ChildProcess.NotBegun.self) { try ChildProcess(["/no/such/program"]) }
  }

  @Test("output and errors go where they are sent, input comes from who began it")
  func listeners() throws {
    let scratch = try Scratch(), output = scratch.file("output"), errors = scratch.file("errors")
    try Data("before".utf8).write(to: URL(filePath: output))
    let child = try ChildProcess(
      ["/bin/sh", "-c", "read line; echo \"heard $line\"; echo wrong >&2"], hears: true, output: .file(output),
      errors: .file(errors))
    #expect(child.isRunning)
    try child.input?.write(contentsOf: Data("it\n".utf8))
    #expect(child.end() == 0 && !child.isRunning)
    #expect(try String(contentsOfFile: output, encoding: .utf8) == "heard it\n")
    #expect(try String(contentsOfFile: errors, encoding: .utf8) == "wrong\n")
  }

  @Test("a signal reaches them, whatever thread began them, and their end is told as often as one asks")
  func signals() async throws {
    // A thread of the runtime's, which blocks signals.
    let child = try await Task.detached { try ChildProcess(["/bin/sleep", "600"]) }.value
    let blocked = try String(contentsOfFile: "/proc/\(child.identifier)/status", encoding: .utf8)
      .split(separator: "\n").first { $0.hasPrefix("SigBlk:") }
    #expect(blocked?.hasSuffix("0000000000000000") == true, "\(blocked ?? "")")
    child.signal(SIGTERM)
    #expect(child.end() == -SIGTERM && child.end() == -SIGTERM)
    // Its identifier may be another's by now.
    child.signal(SIGKILL)
    #expect(!child.isRunning)
  }
}
