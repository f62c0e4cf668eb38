import DitherBasics
import Foundation

/// The folder in which data sets lie, a folder each.
///
/// `DITHER_DATA` names it; without it, it is `dither/data` in the user's data folder (XDG). Fashion-MNIST is also found
/// where Debian's package `dataset-fashion-mnist` puts it.
public struct DataRoot: Sendable {
  /// The folder.
  public let url: URL
  private static let debian = URL(fileURLWithPath: "/usr/share/datasets")

  /// - Parameter url: a folder, which need not exist yet.
  public init(_ url: URL) { self.url = url }

  /// `DITHER_DATA`, or a folder of the user's data.
  public static var standard: DataRoot {
    DataRoot(
      UserFolder.named("DITHER_DATA")
        ?? URL(filePath: UserFolder.path("XDG_DATA_HOME", else: ".local/share") + "/data", directoryHint: .isDirectory))
  }

  /// Where a file is: packed or not, here or in Debian's folder.
  public func find(_ path: String) -> URL? {
    let bare = path.hasSuffix(".gz") ? String(path.dropLast(3)) : path
    return [url, Self.debian].lazy.flatMap { root in [path, bare, bare + ".gz"].map { root.appending(path: $0) } }
      .first { FileManager.default.fileExists(atPath: $0.path) }
  }

  /// A file's content, unpacked.
  /// - Throws: `absent` with the command that fetches it, or what is wrong with the file.
  public func read(_ file: DataFile, of set: String) throws(DatasetError) -> [UInt8] {
    guard let found = find(file.path) else {
      throw DatasetError(
        .absent, at: "data set '\(set)'", expected: "\(file.path) in \(url.path)", got: "no such file",
        advice: "set DITHER_DATA, or run `dither data get \(set)`")
    }
    let bytes: [UInt8]
    do { bytes = [UInt8](try Data(contentsOf: found)) } catch {
      throw DatasetError(
        .disk, at: found.path, expected: "a file that can be read", got: "\(error.localizedDescription)")
    }
    return Gzip.isGzip(bytes) ? try Gzip.unpack(bytes, at: found.path) : bytes
  }
}

/// A file of a data set, as it is published.
public struct DataFile: Sendable, Equatable {
  /// Below the data root.
  public var path: String
  /// nil: it is published nowhere as it is; a mirror may have it.
  public var address: String?
  /// Digest of the unpacked content: packers differ in headers, the content is what was published.
  public var sha256: String
  /// Size of the unpacked content.
  public var bytes: Int
  /// The file is this member of the archive at `address`.
  public var member: String?

  /// - Parameters:
  /// - path: below the root.
  /// - address: where it is fetched from; nil: not at all.
  /// - sha256: of the unpacked content.
  /// - member: of an archive.
  public init(_ path: String, from address: String?, sha256: String, bytes: Int, member: String? = nil) {
    self.path = path
    self.address = address
    self.sha256 = sha256
    self.bytes = bytes
    self.member = member
  }
}
