import Configuration
import DitherBasics
import Foundation

/// Settings from everywhere: a flag wins over the environment, that over the file, that over the standard value.
public struct SettingsReader: Sendable {
  /// Bytes of a file of settings.
  public static let mostFileBytes = 64 << 10
  /// Every key is below it: `DITHER_GRACE` is the environment's name of `dither.grace`.
  private static let root = "dither"

  /// The value that holds for a setting.
  private struct Found {
    var text: String
    var value: ServerSetting.Value
    /// Where it was said: `--grace`, `DITHER_GRACE`, a file with its line; nil: it is the standard value.
    var place: String?
  }
  private struct Source {
    var provider: any ConfigProvider
    var place: @Sendable (ServerSetting) -> String
  }

  private let found: [String: Found]

  /// - Parameters:
  ///   - flags: by the settings' names.
  ///   - environment: `DITHER_NAME`; an empty value is none.
  ///   - file: the path of a file of settings; nil: none.
  /// - Throws: `ServiceFault.configuration` with the place of a value that is out of its bounds, of a key that is none,
  ///   or of a file that cannot be read.
  public init(flags: [String: String], environment: [String: String], file: String?) throws(ServiceError) {
    var sources = [
      Source(provider: Self.provider("flags", flags)) { "--\($0.name)" },
      Source(provider: EnvironmentVariablesProvider(environmentVariables: environment.filter { !$0.value.isEmpty })) {
        $0.variable
      },
    ]
    if let file {
      let entries = try Self.entries(of: file)
      let lines = entries.mapValues(\.line)
      sources.append(
        Source(provider: Self.provider(file, entries.mapValues(\.text))) { "\(file), line \(lines[$0.name] ?? 0)" })
    }
    var found: [String: Found] = [:]
    for setting in ServerSettings.all {
      for source in sources where found[setting.name] == nil {
        let key = AbsoluteConfigKey([Self.root, setting.name])
        guard let text = Self.text(source.provider, key) else { continue }
        let place = source.place(setting)
        found[setting.name] = Found(text: text, value: try setting.value(of: text, at: place), place: place)
      }
      if found[setting.name] == nil, let standard = setting.standard {
        found[setting.name] = Found(text: standard, value: try setting.value(of: standard, at: setting.name))
      }
    }
    self.found = found
    try checkTogether()
  }

  private static func provider(_ name: String, _ values: [String: String]) -> InMemoryProvider {
    let pairs = values.map { (AbsoluteConfigKey([root, $0.key]), ConfigValue(.string($0.value), isSecret: false)) }
    return InMemoryProvider(name: name, values: Dictionary(pairs) { first, _ in first })
  }

  private static func text(_ provider: any ConfigProvider, _ key: AbsoluteConfigKey) -> String? {
    guard case .string(let text)? = (try? provider.value(forKey: key, type: .string))?.value?.content else {
      return nil
    }
    return text
  }

  private static func entries(of file: String) throws(ServiceError) -> [String: (text: String, line: Int)] {
    func refuse(_ place: String, _ expected: String, _ got: String) -> ServiceError {
      ServiceError(.configuration, at: place, expected: expected, got: got)
    }
    // A pipe or a device may have no end.
    guard let facts = try? FileManager.default.attributesOfItem(atPath: (file as NSString).resolvingSymlinksInPath),
      facts[.type] as? FileAttributeType == .typeRegular, let size = facts[.size] as? Int
    else { throw refuse("--config \(file)", "a file that can be read", "none") }
    guard size <= mostFileBytes else { throw refuse(file, "at most \(mostFileBytes) bytes", "\(size)") }
    guard let bytes = FileManager.default.contents(atPath: file) else {
      throw refuse("--config \(file)", "a file that can be read", "none")
    }
    let entries: [BoundedYaml.Entry]
    do { entries = try BoundedYaml.entries(String(decoding: bytes, as: UTF8.self), at: file) } catch {
      throw refuse(error.place, error.expected, error.got)
    }
    var values: [String: (text: String, line: Int)] = [:]
    for entry in entries {
      let place = "\(file), line \(entry.line)"
      let setting = try ServerSettings.setting(named: entry.key, at: place)
      guard let text = entry.text ?? setting.text(of: entry.value) else {
        throw refuse(place, "\(setting.kind.words) for '\(entry.key)'", "several values")
      }
      // As one that is absent.
      if entry.value != .none, !text.isEmpty { values[entry.key] = (text, entry.line) }
    }
    return values
  }

  /// Settings that only make sense together, or not together.
  private func checkTogether() throws(ServiceError) {
    func refuse(_ name: String, _ expected: String, _ got: String) -> ServiceError {
      ServiceError(.configuration, at: found[name]?.place ?? name, expected: expected, got: got)
    }
    func said(_ name: String) -> String? { found[name]?.place }
    let pairs = [
      ("tls-cert", "tls-key"), ("tls-key", "tls-cert"), ("client-ca", "tls-cert"), ("clients", "client-ca"),
    ]
    for (name, other) in pairs where said(name) != nil && said(other) == nil {
      throw refuse(name, "'\(other)' with it", "none")
    }
    if found["insecure"]?.value == .flag(true), let other = said("tls-cert") {
      throw refuse("insecure", "a certificate or no TLS, not both", "\(other) too")
    }
    guard case .address(_?)? = found["listen"]?.value else { return }
    for name in ["framed-port", "grpc-port", "http-port"] {
      if let other = said(name) { throw refuse("listen", "one address, or a port for each", "\(other) too") }
    }
  }

  /// - Parameter base: where the settings are laid over; its state directory is the one where none is named.
  public func configuration(over base: ServerConfiguration) -> ServerConfiguration {
    var configuration = base
    for setting in ServerSettings.all {
      if let found = found[setting.name] { setting.apply(&configuration, found.value) }
    }
    return configuration
  }

  /// The settings that hold, as a file of them: each with where it was said, without the passwords of URLs.
  /// - Parameter base: as for `configuration`.
  public func yaml(over base: ServerConfiguration) -> String {
    ServerSettings.all.map { setting in
      guard let found = found[setting.name] else {
        let value = setting.name == "state" ? "state: \(Self.quoted(base.stateDirectory))" : "# \(setting.name):"
        return "\(value)  # \(setting.absence)\n"
      }
      return "\(setting.name): \(Self.quoted(setting.shown(found.text)))  # \(found.place ?? "standard")\n"
    }.joined()
  }

  /// As YAML reads it back as the same text.
  private static func quoted(_ text: String) -> String {
    let isPlain = text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "/._-".contains($0)) }
    return isPlain ? text : jsonText(text)
  }
}
