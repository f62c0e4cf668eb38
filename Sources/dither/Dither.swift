import ArgumentParser

/// The command line. `Commands.swift` lists what it does.
@main struct Dither: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dither",
    abstract: "Train neural networks with noise, serve them with their uncertainty, audit how they break.",
    discussion: """
      Clients find the server through DITHER_ADDRESS (dither://host:port), DITHER_TOKEN and DITHER_CA, or the flags of \
      the same names.

      Example: dither predict fashion-mlp-noise --data fashion-mnist:3 --samples 64

      Exit codes: \(ExitStatus.table)
      """,
    version: code,
    subcommands: commands)

  /// The program, as reports name it.
  static let code = "dither \(version), sources \(sourceDigest)"
  /// Its release; packages and the bill of materials read it here.
  static let version = "0.2.0"

  /// As `AsyncParsableCommand` does it, with exit codes and messages of our own.
  static func main() async {
    do {
      var command = try parseAsRoot()
      if var command = command as? any AsyncParsableCommand {
        try await command.run()
      } else {
        try command.run()
      }
    } catch {
      ExitStatus.end(with: error)
    }
  }
}
