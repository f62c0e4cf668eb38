import DitherBasics
import DitherTestSupport
import Foundation
import Testing

/// The built `dither`, run as a user runs it.
enum Program {
  struct Result {
    var status: Int32
    var output: String
    var errors: String

    /// The one JSON object on standard output.
    func json() throws -> [String: Any] {
      try #require(try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: Any])
    }
  }

  /// Beside the test bundle, as SwiftPM puts it.
  static let url = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent().appending(component: "dither")
  static var isBuilt: Bool { FileManager.default.isExecutableFile(atPath: url.path) }

  /// From Debian's package.
  static var hasFashionMnist: Bool { FileManager.default.fileExists(atPath: "/usr/share/datasets/fashion-mnist") }

  /// The folder of the package.
  static let package = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  static func run(_ arguments: String...) throws -> Result { try run(arguments) }

  /// - Parameter folder: in which it runs; nil: the package's.
  static func run(_ arguments: [String], environment: [String: String] = [:], in folder: URL? = nil) throws -> Result {
    let scratch = try Scratch()
    let output = URL(filePath: scratch.file("output")), errors = URL(filePath: scratch.file("errors"))
    let process = try start(arguments, output: output, errors: errors, environment: environment, in: folder)
    return Result(
      status: process.end(), output: String(decoding: try Data(contentsOf: output), as: UTF8.self),
      errors: String(decoding: try Data(contentsOf: errors), as: UTF8.self))
  }

  /// Standard output and standard error go to files: a pipe that nobody reads would stop most programs.
  /// - Parameter log: takes standard error in place of the file.
  static func start(
    _ arguments: [String], output: URL, errors: URL, environment: [String: String], log: FileHandle? = nil,
    in folder: URL? = nil
  ) throws -> ChildProcess {
    let own = ProcessInfo.processInfo.environment
      .filter { !$0.key.hasPrefix("DITHER_") || ["DITHER_DATA", "DITHER_REFERENCE"].contains($0.key) }
      // A login of who runs the tests is no part of them.
      .merging(["XDG_CONFIG_HOME": "/nonexistent"]) { $1 }
    let listener: ChildProcess.Listener = if let log { .descriptor(log.fileDescriptor) } else { .file(errors.path) }
    return try ChildProcess(
      [url.path] + arguments, in: (folder ?? package).path, environment: own.merging(environment) { $1 },
      output: .file(output.path), errors: listener)
  }
}
