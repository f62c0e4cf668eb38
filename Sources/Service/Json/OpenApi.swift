import DitherBasics
import DitherProto
import Foundation
import SwiftProtobuf

/// The document of the calls in JSON, made from the descriptors of `protos/`. Source: OpenAPI 3.1.0,
/// spec.openapis.org/oas/v3.1.0; proto3's JSON mapping.
enum OpenApi {
  private typealias Object = [String: any Sendable]

  /// As `/v1/openapi.json` has it.
  static let document: [UInt8] = {
    var paths: Object = [:]
    for method in CallMethods.all where method.name.hasPrefix(JsonCalls.package) {
      guard let item = item(of: method) else { continue }
      paths[JsonCalls.path(of: method)] = item
    }
    let whole: Object = [
      "openapi": "3.1.0",
      "info": [
        "title": "Dither", "version": "1",
        "description": "The calls of dither.v1 as JSON, by proto3's mapping: bytes in Base64, 64-bit integers as text.",
      ],
      "servers": [["url": "/"]], "security": [["bearer": [String]()]],
      "paths": paths,
      "components": [
        "securitySchemes": ["bearer": ["type": "http", "scheme": "bearer"]],
        "schemas": schemas.merging(["Error": error]) { $1 },
      ],
    ]
    let options: JSONSerialization.WritingOptions = [.sortedKeys, .withoutEscapingSlashes]
    return (try? JSONSerialization.data(withJSONObject: whole, options: options)).map(Array.init) ?? []
  }()

  private static let error: Object = [
    "type": "object", "required": ["code", "error"],
    "properties": [
      "code": ["type": "string", "description": "a status code of gRPC, as INVALID_ARGUMENT"],
      "error": ["type": "string", "description": "what was expected, what came, what to do"],
    ],
  ]

  /// nil: it has no twin, as it takes a stream.
  private static func item(of method: any AnyCallMethod) -> Object? {
    let names = method.messages, isStream = method.shape == .serverStreaming
    guard method.shape == .unary || isStream else { return nil }
    func reference(_ name: String) -> Object { ["$ref": "#/components/schemas/\(name)"] }
    let good: Object =
      isStream
      ? ["text/event-stream": ["schema": event(of: reference(names.response), error: reference("Error"))]]
      : ["application/json": ["schema": reference(names.response)]]
    let bad: Object = [
      "description": "why there is none", "content": ["application/json": ["schema": reference("Error")]],
    ]
    let parts = method.name.dropFirst(JsonCalls.package.count).split(separator: "/").map(String.init)
    let operation: Object = [
      "operationId": parts.joined(separator: "."), "tags": [parts[0]],
      "requestBody": ["content": ["application/json": ["schema": reference(names.request)]]],
      "responses": [
        "200": ["description": isStream ? "a stream of events" : "the answer", "content": good] as Object,
        "default": bad,
      ] as Object,
    ]
    guard isStream else { return ["post": operation] }
    // As browsers listen to events.
    var listening = operation
    listening["operationId"] = parts.joined(separator: ".") + ".get"
    listening["requestBody"] = nil
    listening["parameters"] = messages[names.request]?.field.filter(isQueried).map { field -> Object in
      ["name": field.name, "in": "query", "schema": single(field)]
    }
    return ["post": operation, "get": listening]
  }

  /// One event of a stream, as its reader has it: OpenAPI 3.1 has no form for a stream, so that its `schema` is taken
  /// for that of each event, whose data is text that says of which JSON it is. Source: JSON Schema 2020-12, 8
  /// (contents).
  private static func event(of message: Object, error: Object) -> Object {
    func named(_ name: String, _ data: Object) -> Object {
      let properties: Object = ["event": ["const": name] as Object, "data": data]
      return ["type": "object", "required": ["event", "data"], "properties": properties]
    }
    func json(_ schema: Object) -> Object {
      ["type": "string", "contentMediaType": "application/json", "contentSchema": schema]
    }
    return [
      "description": "one event of the stream; 'message' is that of events without a name",
      "anyOf": [named("message", json(message)), named("error", json(error)), named("end", ["const": "{}"])],
    ]
  }

  /// Whether a query's pair can say it: its value is text.
  private static func isQueried(_ field: Google_Protobuf_FieldDescriptorProto) -> Bool {
    field.label != .repeated && ![.message, .bool, .group].contains(field.type)
  }

  // MARK: messages

  private static let declared = DescriptorIndex.Declared(DescriptorIndex.set)
  private static let messages = Dictionary(
    declared.messages.map { ($0.name, $0.message) }, uniquingKeysWith: { first, _ in first })
  private static let enumerations = Dictionary(
    declared.enumerations.map { ($0.name, $0.kind.value.map(\.name)) }, uniquingKeysWith: { first, _ in first })

  /// Names of the fields of a message and of all that it may hold.
  static func fields(reachedFrom message: String) -> [String] {
    var seen: Set<String> = [], next = [message], names: [String] = []
    while let name = next.popLast() {
      guard seen.insert(name).inserted, let found = messages[name] else { continue }
      names += found.field.map(\.name)
      next += found.field.filter { $0.type == .message }.map { String($0.typeName.dropFirst()) }
    }
    return names
  }

  // MARK: fields

  /// The values that a message takes.
  static func field(ofMessage name: String) -> JsonField {
    let fields = messages[name]?.field ?? []
    let object = JsonField.Object(words: "the fields of \(name)", names: fields.map(\.name)) { key in
      fields.first { $0.name == key || $0.jsonName == key }.map(field(_:))
    }
    return JsonField(words: "an object, as \(name) is in JSON", inner: .object(object))
  }

  private static func field(_ field: Google_Protobuf_FieldDescriptorProto) -> JsonField {
    let name = String(field.typeName.dropFirst())
    if field.type == .message, let entry = messages[name], entry.options.mapEntry, entry.field.count == 2 {
      let value = one(entry.field[1])
      let any = JsonField.Object(words: "any keys", names: []) { _ in value }
      return JsonField(words: "an object with \(value.words) for each key", inner: .object(any))
    }
    let item = one(field)
    return field.label == .repeated ? JsonField(words: "a list, each \(item.words)", inner: .array(item)) : item
  }

  private static func one(_ field: Google_Protobuf_FieldDescriptorProto) -> JsonField {
    func whole(_ least: some BinaryInteger, _ most: some BinaryInteger) -> String {
      "a whole number from \(least) to \(most)"
    }
    let name = String(field.typeName.dropFirst()), words: String
    switch field.type {
    case .message where name.hasPrefix("google.protobuf."): words = "\(name) as proto3's JSON has it"
    case .message: return Self.field(ofMessage: name)
    case .enum: words = "one of \((enumerations[name] ?? []).joined(separator: ", "))"
    case .bool: words = "true or false"
    case .string: words = "text"
    case .bytes: words = "text in Base64"
    case .double, .float: words = "a number, or NaN, Infinity or -Infinity in quotes"
    case .int32, .sint32, .sfixed32: words = whole(Int32.min, Int32.max)
    case .uint32, .fixed32: words = whole(UInt32.min, UInt32.max)
    case .uint64, .fixed64: words = whole(UInt64.min, UInt64.max)
    default: words = whole(Int64.min, Int64.max)
    }
    return JsonField(words: words, inner: .single)
  }

  private static let schemas: Object = {
    var found: Object = [:]
    for (name, message) in messages where name.hasPrefix(JsonCalls.package) && !message.options.mapEntry {
      var whole: Object = [
        "type": "object", "additionalProperties": false,
        "properties": Dictionary(
          message.field.map { ($0.name, schema(of: $0) as any Sendable) }, uniquingKeysWith: { first, _ in first }),
      ]
      let rivals = rivals(in: message)
      if !rivals.isEmpty { whole["allOf"] = rivals.map { ["not": ["required": $0]] } }
      found[name] = whole
    }
    return found
  }()

  /// Pairs of fields of which a message may have one alone.
  private static func rivals(in message: Google_Protobuf_DescriptorProto) -> [[String]] {
    message.oneofDecl.indices.flatMap { index -> [[String]] in
      let own = message.field.filter { $0.hasOneofIndex && $0.oneofIndex == Int32(index) }.map(\.name)
      return own.indices.flatMap { first in own[(first + 1)...].map { [own[first], $0] } }
    }
  }

  private static func schema(of field: Google_Protobuf_FieldDescriptorProto) -> Object {
    let name = String(field.typeName.dropFirst())
    if field.type == .message, let entry = messages[name], entry.options.mapEntry, entry.field.count == 2 {
      return ["type": "object", "additionalProperties": single(entry.field[1])]
    }
    return field.label == .repeated ? ["type": "array", "items": single(field)] : single(field)
  }

  private static func single(_ field: Google_Protobuf_FieldDescriptorProto) -> Object {
    let name = String(field.typeName.dropFirst())
    switch field.type {
    // Any JSON.
    case .message where name.hasPrefix("google.protobuf."): return [:]
    case .message: return ["$ref": "#/components/schemas/\(name)"]
    case .enum: return ["type": "string", "enum": enumerations[name] ?? []]
    case .bool: return ["type": "boolean"]
    case .string: return ["type": "string"]
    case .bytes: return ["type": "string", "contentEncoding": "base64"]
    case .double, .float:
      let word: Object = ["type": "string", "enum": ["NaN", "Infinity", "-Infinity"]],
        number: Object = ["type": "number"]
      return ["anyOf": [number, word]]
    case .int32, .sint32, .sfixed32:
      return ["type": "integer", "minimum": Int(Int32.min), "maximum": Int(Int32.max)]
    case .uint32, .fixed32: return ["type": "integer", "minimum": 0, "maximum": Int(UInt32.max)]
    case .uint64, .fixed64: return ["type": "string", "pattern": "^(0|[1-9][0-9]{0,18})$"]
    default: return ["type": "string", "pattern": "^(0|-?[1-9][0-9]{0,17})$"]
    }
  }
}
