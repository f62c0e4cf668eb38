import ArgumentParser
import DitherBasics
import DitherService
import DitherTensor
import Foundation

/// As the table has it: the sentence, the bounds, the standard value.
func help(of name: String) -> ArgumentHelp {
  guard let setting = ServerSettings.all.first(where: { $0.name == name }) else { return "" }
  let bounds =
    switch setting.kind {
    case .text, .file, .folder, .flag: ""
    default: "\(setting.kind.words); "
    }
  return "\(setting.summary) (\(bounds)default: \(setting.absence))"
}

extension SettingsReader {
  /// - Parameters:
  ///   - flags: by the settings' names; nil: not given.
  ///   - config: the path of a file of settings; nil: `DITHER_CONFIG`'s, where that is one.
  init(_ flags: [String: String?], config: String?) throws(ServiceError) {
    let environment = ProcessInfo.processInfo.environment
    try self.init(
      flags: flags.compactMapValues { $0 }, environment: environment,
      file: config ?? environment["DITHER_CONFIG"].flatMap { $0.isEmpty ? nil : $0 })
  }

  /// This program's, with a store where the settings say one.
  func configuration() -> ServerConfiguration {
    var found = configuration(over: ServerConfiguration(stateDirectory: StateDirectory.standard))
    found.code = Dither.code
    if let opening = StoreOpening(found) { found.openStore = { try await opening.open($0) } }
    return found
  }
}

extension ServerConfiguration {
  /// Keeps this process to the instructions that are asked for; before its first kernel is made.
  func keepInstructions() throws(ComputeError) {
    if let instructions { try ComputeClass.keep(to: instructions) }
  }
}
