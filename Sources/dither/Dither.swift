import ArgumentParser

@main struct Dither: AsyncParsableCommand {
  static let configuration = CommandConfiguration(commandName: "dither")
  mutating func run() async throws {}
}
