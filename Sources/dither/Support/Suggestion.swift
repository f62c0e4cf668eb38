import ArgumentParser
import DitherBasics

/// The command or the flag that words on the command line were meant for.
enum Suggestion {
  /// - Parameter words: those behind the program's name.
  static func of(_ words: [String]) -> String? {
    var known = commands, command: any ParsableCommand.Type = Dither.self, path = ["dither"]
    for word in words.prefix(2) where !known.isEmpty {
      let names = known.map { $0._commandName }
      guard let at = names.firstIndex(of: word) else {
        if word.hasPrefix("-") { break }
        return nearest(to: word, among: names).map { (path + [$0]).joined(separator: " ") }
      }
      path.append(word)
      command = known[at]
      known = command.configuration.subcommands
    }
    // A command that stands for one of its own has that one's flags.
    return flag(words, of: command.configuration.defaultSubcommand ?? command)
  }

  /// The parser knows slips of the hand; this one knows what is longer or shorter too: `--tls-certificate` is
  /// `--tls-cert`.
  private static func flag(_ words: [String], of command: any ParsableCommand.Type) -> String? {
    let help = Dither.helpMessage(for: command, columns: 200)
    let known = Set(help.matches(of: /--[a-z][a-z-]*[a-z]/).map { String($0.0) })
    for word in words.prefix(while: { $0 != "--" }) where word.hasPrefix("--") {
      let name = String(word.prefix { $0 != "=" })
      guard !known.contains(name) else { continue }
      let akin = known.filter { $0.count >= 6 && (name.hasPrefix($0) || $0.hasPrefix(name)) }
      return akin.max { $0.count < $1.count } ?? nearest(to: name, among: known.sorted())
    }
    return nil
  }
}
