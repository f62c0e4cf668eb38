import DitherBasics
import Foundation

/// A server and a token that `dither login` has checked and keeps for later commands, for this user alone.
struct SavedLogin: Codable, Equatable {
  /// As `dither://host:port`.
  var address: String
  /// nil: the server knows its callers otherwise.
  var token: String?
  /// The absolute path of a PEM file.
  var ca: String?
  /// The absolute paths of PEM files: the client's own, for a server that asks for one.
  var certificate: String?
  var key: String?

  /// As the environment of clients says it.
  var variables: [String: String] {
    [
      "DITHER_ADDRESS": address, "DITHER_TOKEN": token, "DITHER_CA": ca, "DITHER_CERTIFICATE": certificate,
      "DITHER_KEY": key,
    ].compactMapValues { $0 }
  }

  /// More bytes than any has.
  private static let mostBytes = 64 << 10

  /// `login.json` in `dither` in the user's folder of settings: `XDG_CONFIG_HOME`, else `.config` in the home folder.
  /// Source: XDG Base Directory Specification 0.8.
  static var path: String { UserFolder.path("XDG_CONFIG_HOME", else: ".config") + "/login.json" }

  /// - Returns: nil where none is kept.
  /// - Throws: where others could have read it or written it, or it is another file.
  static func read() throws(CommandError) -> SavedLogin? {
    func refuse(_ expected: String, _ got: String, _ advice: String) -> CommandError {
      CommandError(.malformed, at: path, expected: expected, got: got, advice: advice)
    }
    guard let facts = try? FileManager.default.attributesOfItem(atPath: path) else { return nil }
    let mode = facts[.posixPermissions] as? Int ?? 0o777
    guard mode & 0o077 == 0 else {
      throw refuse(
        "a file of its owner alone, as it holds a token", "mode \(String(mode, radix: 8))", "chmod 600 \(path)")
    }
    guard let bytes = BoundedFile.read(path, most: mostBytes),
      let found = try? JSONDecoder().decode(SavedLogin.self, from: Data(bytes))
    else { throw refuse("the file of `dither login`", "other text", "log in again, or `dither logout`") }
    return found
  }

  /// In the place of the one before.
  func write() throws {
    let folder = URL(filePath: Self.path).deletingLastPathComponent().path
    try FileManager.default.createDirectory(
      atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    try WholeFile.write(Array((Json.text(self) + "\n").utf8), to: Self.path, for: .owner)
  }

  /// - Returns: whether there was one.
  static func remove() throws(CommandError) -> Bool {
    if unlink(path) == 0 { return true }
    guard errno != ENOENT, errno != ENOTDIR else { return false }
    throw CommandError(
      .unreadable, at: path, expected: "a file that can be removed", got: String(cString: strerror(errno)))
  }
}
