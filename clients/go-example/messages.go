package main

import "fmt"

// The few messages of proto/loci/v1 that the example needs. gogo/protobuf reads the tags; no code is generated.

type scope struct {
	Tenant string `protobuf:"bytes,1,opt,name=tenant,proto3"`
	Agent  string `protobuf:"bytes,2,opt,name=agent,proto3"`
}

type messageDraft struct {
	Role int32  `protobuf:"varint,2,opt,name=role,proto3"`
	Text string `protobuf:"bytes,3,opt,name=text,proto3"`
}

type writeOptions struct {
	RequestID string `protobuf:"bytes,1,opt,name=request_id,proto3"`
}

type appendRequest struct {
	Scope         *scope          `protobuf:"bytes,1,opt,name=scope,proto3"`
	ContextID     string          `protobuf:"bytes,2,opt,name=context_id,proto3"`
	Messages      []*messageDraft `protobuf:"bytes,3,rep,name=messages,proto3"`
	CreateContext bool            `protobuf:"varint,4,opt,name=create_context,proto3"`
	Options       *writeOptions   `protobuf:"bytes,5,opt,name=options,proto3"`
}

type position struct {
	Shard    uint32 `protobuf:"varint,1,opt,name=shard,proto3"`
	Sequence uint64 `protobuf:"varint,2,opt,name=sequence,proto3"`
}

type appendResponse struct {
	Position    *position `protobuf:"bytes,1,opt,name=position,proto3"`
	MessageIDs  []string  `protobuf:"bytes,2,rep,name=message_ids,proto3"`
	FirstNumber uint64    `protobuf:"varint,3,opt,name=first_number,proto3"`
}

type page struct {
	Size int32 `protobuf:"varint,1,opt,name=size,proto3"`
}

type listMessagesRequest struct {
	Scope       *scope `protobuf:"bytes,1,opt,name=scope,proto3"`
	ContextID   string `protobuf:"bytes,2,opt,name=context_id,proto3"`
	NewestFirst bool   `protobuf:"varint,5,opt,name=newest_first,proto3"`
	Page        *page  `protobuf:"bytes,7,opt,name=page,proto3"`
}

type message struct {
	ID        string `protobuf:"bytes,1,opt,name=id,proto3"`
	ContextID string `protobuf:"bytes,2,opt,name=context_id,proto3"`
	Number    uint64 `protobuf:"varint,3,opt,name=number,proto3"`
	Role      int32  `protobuf:"varint,4,opt,name=role,proto3"`
	Text      string `protobuf:"bytes,5,opt,name=text,proto3"`
}

type listMessagesResponse struct {
	Messages []*message `protobuf:"bytes,1,rep,name=messages,proto3"`
}

func (m *scope) Reset()                { *m = scope{} }
func (m *messageDraft) Reset()         { *m = messageDraft{} }
func (m *writeOptions) Reset()         { *m = writeOptions{} }
func (m *appendRequest) Reset()        { *m = appendRequest{} }
func (m *position) Reset()             { *m = position{} }
func (m *appendResponse) Reset()       { *m = appendResponse{} }
func (m *page) Reset()                 { *m = page{} }
func (m *listMessagesRequest) Reset()  { *m = listMessagesRequest{} }
func (m *message) Reset()              { *m = message{} }
func (m *listMessagesResponse) Reset() { *m = listMessagesResponse{} }

func (m *scope) String() string                { return fmt.Sprintf("%+v", *m) }
func (m *messageDraft) String() string         { return fmt.Sprintf("%+v", *m) }
func (m *writeOptions) String() string         { return fmt.Sprintf("%+v", *m) }
func (m *appendRequest) String() string        { return fmt.Sprintf("%+v", *m) }
func (m *position) String() string             { return fmt.Sprintf("%+v", *m) }
func (m *appendResponse) String() string       { return fmt.Sprintf("%+v", *m) }
func (m *page) String() string                 { return fmt.Sprintf("%+v", *m) }
func (m *listMessagesRequest) String() string  { return fmt.Sprintf("%+v", *m) }
func (m *message) String() string              { return fmt.Sprintf("%+v", *m) }
func (m *listMessagesResponse) String() string { return fmt.Sprintf("%+v", *m) }

func (*scope) ProtoMessage()                {}
func (*messageDraft) ProtoMessage()         {}
func (*writeOptions) ProtoMessage()         {}
func (*appendRequest) ProtoMessage()        {}
func (*position) ProtoMessage()             {}
func (*appendResponse) ProtoMessage()       {}
func (*page) ProtoMessage()                 {}
func (*listMessagesRequest) ProtoMessage()  {}
func (*message) ProtoMessage()              {}
func (*listMessagesResponse) ProtoMessage() {}
