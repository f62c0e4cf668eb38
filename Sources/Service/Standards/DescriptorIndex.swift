import DitherProto
import Foundation
import SwiftProtobuf

/// The files of `protos/` that declare what is served, by name and by what they declare.
struct DescriptorIndex: Sendable {
  private var files: [String: (bytes: Data, imports: [String])] = [:]
  /// The file of each full name.
  private var symbols: [String: String] = [:]

  /// The files themselves.
  static let set: Google_Protobuf_FileDescriptorSet = {
    guard let bytes = Data(base64Encoded: ServedDescriptors.base64, options: .ignoreUnknownCharacters),
      let set = try? Google_Protobuf_FileDescriptorSet(serializedBytes: bytes)
    else { preconditionFailure("the descriptors that are generated are a FileDescriptorSet") }
    return set
  }()

  static let served: DescriptorIndex = {
    guard let index = try? DescriptorIndex(set) else {
      preconditionFailure("the descriptors that are generated can be written")
    }
    return index
  }()

  init(_ set: Google_Protobuf_FileDescriptorSet) throws {
    for file in set.file {
      files[file.name] = (try file.serializedData(), file.dependency)
      let package = file.package
      for message in file.messageType { add(message, in: package, file.name) }
      for kind in file.enumType { add(kind, in: package, file.name) }
      for service in file.service {
        let name = "\(package).\(service.name)"
        symbols[name] = file.name
        for method in service.method { symbols["\(name).\(method.name)"] = file.name }
      }
    }
  }

  private mutating func add(_ message: Google_Protobuf_DescriptorProto, in scope: String, _ file: String) {
    let name = "\(scope).\(message.name)"
    symbols[name] = file
    for field in message.field { symbols["\(name).\(field.name)"] = file }
    for oneof in message.oneofDecl { symbols["\(name).\(oneof.name)"] = file }
    for nested in message.nestedType { add(nested, in: name, file) }
    for kind in message.enumType { add(kind, in: name, file) }
  }

  private mutating func add(_ kind: Google_Protobuf_EnumDescriptorProto, in scope: String, _ file: String) {
    symbols["\(scope).\(kind.name)"] = file
    // Values of an enumeration stand beside it.
    for value in kind.value { symbols["\(scope).\(value.name)"] = file }
  }

  /// - Parameter symbol: a full name, with or without a dot before it.
  func file(of symbol: String) -> String? { symbols[symbol.hasPrefix(".") ? String(symbol.dropFirst()) : symbol] }

  /// A file and, behind it, all that it imports, each serialized; nil where there is no such file.
  func files(from name: String) -> [Data]? {
    guard files[name] != nil else { return nil }
    var names = [name], at = 0
    while at < names.count {
      for dependency in files[names[at]]?.imports ?? [] where !names.contains(dependency) { names.append(dependency) }
      at += 1
    }
    return names.compactMap { files[$0]?.bytes }
  }
}
