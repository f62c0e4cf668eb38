import AsyncHTTPClient
import DitherBasics
import Foundation
import NIOCore
import NIOHTTP1

/// Fetches data sets into a data root and checks what is there.
public struct DataStore: Sendable {
  /// Where files lie.
  public let root: DataRoot
  /// Replaces scheme, host and folders of every address: a mirror.
  public var mirror: URL?
  /// For how many seconds a server may send nothing.
  public var patience: TimeInterval = 60
  /// Bytes of one download.
  private static let mostBytes = 4 << 30
  /// For one download, however steadily it comes.
  private static let longest = TimeAmount.hours(24)

  /// - Parameter mirror: asked in the place of the publishers.
  public init(_ root: DataRoot, mirror: URL? = nil) {
    self.root = root
    self.mirror = mirror
  }

  /// - Throws: `absent`, or `checksum` with what was expected and what came.
  public func verify(_ set: any DatasetSource.Type) throws(DatasetError) {
    for file in set.files + set.extraFiles.filter({ root.find($0.path) != nil }) {
      try check(try root.read(file, of: set.name), file)
    }
  }

  /// Downloads what is missing. A file appears under its name only when its checksum is right.
  /// - Parameter progress: called with a file's path when its download begins.
  public func get(_ set: any DatasetSource.Type, progress: (String) -> Void = { _ in }) async throws {
    var archives: [String: [UInt8]] = [:]
    for file in set.files where root.find(file.path) == nil {
      progress(file.path)
      let packed: [UInt8], place = file.address ?? file.path
      if let known = archives[place] { packed = known } else { packed = try await download(file) }
      var content = Gzip.isGzip(packed) ? try Gzip.unpack(packed, at: place) : packed
      var stored = packed
      if let member = file.member {
        archives[place] = packed
        content =
          Zip.isZip(content)
          ? try Zip(content, at: place).member(member) : try Tar.member(member, of: content, at: place)
        stored = content
      }
      try check(content, file)
      try Self.write(stored, to: root.url.appending(path: file.path))
    }
  }

  private func check(_ content: [UInt8], _ file: DataFile) throws(DatasetError) {
    guard content.count == file.bytes else {
      throw DatasetError(
        .checksum, at: file.path, expected: "\(file.bytes) bytes", got: "\(content.count)",
        advice: "remove the file and run `dither data get` again")
    }
    let sum = Sha256.hash(content).hex
    guard sum == file.sha256 else {
      throw DatasetError(
        .checksum, at: file.path, expected: "SHA-256 \(file.sha256)", got: sum,
        advice: "remove the file and run `dither data get` again")
    }
  }

  private func download(_ file: DataFile) async throws -> [UInt8] {
    let name = file.member == nil ? file.path : String(file.address?.split(separator: "/").last ?? "")
    guard let url = mirror?.appending(path: name) ?? file.address.flatMap({ URL(string: $0) }) else {
      throw DatasetError(
        .download, at: file.path, expected: "an address", got: file.address.map { "'\($0)'" } ?? "none",
        advice: "name a mirror that has it, or put the file at \(root.url.appending(path: file.path).path)")
    }
    // A client of its own, which ends with this file: it keeps nothing that came wrong.
    let client = HTTPClient(configuration: settings(for: url))
    do {
      let bytes = try await fetch(url, for: file, by: client)
      try? await client.shutdown()
      return bytes
    } catch {
      try? await client.shutdown()
      throw error
    }
  }

  private func settings(for url: URL) -> HTTPClient.Configuration {
    var settings = HTTPClient.Configuration()
    let bound = TimeAmount.nanoseconds(Int64(patience * 1e9))
    settings.timeout = .init(connect: bound, read: bound)
    // One try: who cannot be reached is told of at once.
    settings.connectionPool.retryConnectionEstablishment = false
    settings.proxy = DownloadProxy(for: url, in: ProcessInfo.processInfo.environment).map {
      .server(
        host: $0.host, port: $0.port,
        authorization: $0.user.map { .basic(username: $0.name, password: $0.password) })
    }
    return settings
  }

  private func fetch(_ url: URL, for file: DataFile, by client: HTTPClient) async throws(DatasetError) -> [UInt8] {
    let response: HTTPClientResponse, body: ByteBuffer
    do {
      response = try await client.execute(HTTPClientRequest(url: url.absoluteString), timeout: Self.longest)
      body = response.status == .ok ? try await response.body.collect(upTo: Self.mostBytes) : ByteBuffer()
    } catch {
      throw DatasetError(
        .download, at: url.absoluteString, expected: "a download", got: Self.words(of: error, url),
        advice: "check the network, or put the file at \(root.url.appending(path: file.path).path)")
    }
    guard response.status == .ok else {
      throw DatasetError(
        .download, at: url.absoluteString, expected: "HTTP status 200", got: "\(response.status.code)")
    }
    let bytes = [UInt8](body.readableBytesView)
    // Packed for the way, not by the publisher.
    let isPacked = response.headers.first(name: "content-encoding")?.lowercased() == "gzip"
    return isPacked ? try Gzip.unpack(bytes, at: url.absoluteString) : bytes
  }

  /// The reason why no whole answer came, for people.
  private static func words(of error: any Error, _ url: URL) -> String {
    switch error {
    case let error as HTTPClientError: error.shortDescription.lowercased()
    case is NIOTooManyBytesError: "more than \(mostBytes) bytes"
    default: "no connection to \(url.host() ?? "it"): \("\(error)".clipped())"
    }
  }

  /// Whole or not at all: no reader sees a part of it, and a failure leaves nothing.
  static func write(_ bytes: [UInt8], to target: URL) throws(DatasetError) {
    let folder = target.deletingLastPathComponent()
    do { try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true) } catch {
      throw DatasetError(.disk, at: folder.path, expected: "a folder that can be made", got: error.localizedDescription)
    }
    WholeFile.removeLeftovers(in: folder.path)
    do throws(FileError) { try WholeFile.write(bytes, to: target.path) } catch {
      throw DatasetError(
        .disk, at: error.place, expected: error.expected, got: error.got,
        advice: "free some space, or choose another DITHER_DATA")
    }
  }
}
