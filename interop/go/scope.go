package main

import (
	"context"
	"fmt"
	"reflect"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/admin"
	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/producer"
)

// target is the servers under test: one name server and the single master that is registered with it.
type target struct {
	namesrv string
	broker  string
	run     int64
	numbers atomic.Int64
}

// scope is what one case uses: topics and groups of its own, and clients that are shut down when it ends.
type scope struct {
	target    *target
	name      string
	shutdowns []func()
}

func (s *scope) close() {
	for i := len(s.shutdowns) - 1; i >= 0; i-- {
		s.shutdowns[i]()
	}
}

// fail ends the case; the runner reports what it is given.
func fail(format string, arguments ...any) {
	panic(fmt.Sprintf(format, arguments...))
}

func must(err error, what string) {
	if err != nil {
		fail("%s: %v", what, err)
	}
}

func equal(expected, seen any, what string) {
	if !reflect.DeepEqual(expected, seen) {
		fail("%s: expected %v, saw %v", what, expected, seen)
	}
}

func within(limit time.Duration, what string, holds func() bool) {
	deadline := time.Now().Add(limit)
	for !holds() {
		if time.Now().After(deadline) {
			fail("not within %v: %s", limit, what)
		}
		time.Sleep(30 * time.Millisecond)
	}
}

func (s *scope) unique(what string) string {
	name := strings.ReplaceAll(s.name+"_"+what, "-", "_")
	return fmt.Sprintf("go_%s_%d_%d", name, s.target.run, s.target.numbers.Add(1))
}

func (s *scope) resolver() primitive.NsResolver {
	return primitive.NewPassthroughResolver([]string{s.target.namesrv})
}

// topic makes one on the master and waits until the name server routes to it.
func (s *scope) topic(queues int) string {
	name := s.unique("t")
	tool := s.admin()
	// The first requests to a server that has just started may take longer than this client waits.
	within(30*time.Second, "topic "+name, func() bool {
		return tool.CreateTopic(context.Background(), admin.WithTopicCreate(name), admin.WithReadQueueNums(queues),
			admin.WithBrokerAddrCreate(s.target.broker), admin.WithWriteQueueNums(queues)) == nil
	})
	s.awaitRoute(name, queues)
	return name
}

func (s *scope) admin() admin.Admin {
	tool, err := admin.NewAdmin(admin.WithResolver(s.resolver()))
	must(err, "admin client")
	s.shutdowns = append(s.shutdowns, func() { _ = tool.Close() })
	return tool
}

func (s *scope) awaitRoute(topic string, queues int) {
	tool := s.admin()
	within(20*time.Second, "route of "+topic, func() bool {
		found, err := tool.FetchPublishMessageQueues(context.Background(), topic)
		return err == nil && len(found) == queues
	})
}

func (s *scope) producer(options ...producer.Option) rocketmq.Producer {
	options = append([]producer.Option{
		producer.WithNsResolver(s.resolver()),
		producer.WithGroupName(s.unique("pg")),
		producer.WithInstanceName(s.unique("p")),
		producer.WithSendMsgTimeout(10 * time.Second),
	}, options...)
	client, err := rocketmq.NewProducer(options...)
	must(err, "new producer")
	must(client.Start(), "start producer")
	s.shutdowns = append(s.shutdowns, func() { _ = client.Shutdown() })
	return client
}

// push makes a consumer that is not started and has no subscription.
func (s *scope) push(group string, options ...consumer.Option) rocketmq.PushConsumer {
	options = append([]consumer.Option{
		consumer.WithNsResolver(s.resolver()),
		consumer.WithGroupName(group),
		consumer.WithInstance(s.unique("c")),
		consumer.WithConsumeFromWhere(consumer.ConsumeFromFirstOffset),
	}, options...)
	client, err := rocketmq.NewPushConsumer(options...)
	must(err, "new push consumer")
	s.shutdowns = append(s.shutdowns, func() { _ = client.Shutdown() })
	return client
}

// pull makes a started pull consumer of a topic.
func (s *scope) pull(group, topic, tags string) rocketmq.PullConsumer {
	client, err := rocketmq.NewPullConsumer(
		consumer.WithNsResolver(s.resolver()),
		consumer.WithGroupName(group),
		consumer.WithInstance(s.unique("c")),
		consumer.WithConsumeFromWhere(consumer.ConsumeFromFirstOffset),
	)
	must(err, "new pull consumer")
	must(client.Subscribe(topic, consumer.MessageSelector{Type: consumer.TAG, Expression: tags}), "subscribe")
	must(client.Start(), "start pull consumer")
	s.shutdowns = append(s.shutdowns, func() { _ = client.Shutdown() })
	return client
}

func message(topic, text string) *primitive.Message {
	return primitive.NewMessage(topic, []byte(text))
}

func send(client rocketmq.Producer, messages ...*primitive.Message) *primitive.SendResult {
	result, err := client.SendSync(context.Background(), messages...)
	must(err, "send")
	equal(primitive.SendOK, result.Status, "send status")
	return result
}

// read consumes a topic from its beginning and gives its messages by queue and offset. (A pull at the end of a queue
// would wait for 20 s with this client.)
func (s *scope) read(topic string, expected int) []*primitive.MessageExt {
	client := s.push(s.unique("reader"))
	var lock sync.Mutex
	var all []*primitive.MessageExt
	err := client.Subscribe(topic, consumer.MessageSelector{Type: consumer.TAG, Expression: "*"},
		func(_ context.Context, messages ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
			lock.Lock()
			defer lock.Unlock()
			all = append(all, messages...)
			return consumer.ConsumeSuccess, nil
		})
	must(err, "subscribe")
	must(client.Start(), "start reader")
	within(30*time.Second, fmt.Sprintf("%d messages of %s", expected, topic), func() bool {
		lock.Lock()
		defer lock.Unlock()
		return len(all) >= expected
	})
	must(client.Shutdown(), "shut reader down")
	lock.Lock()
	defer lock.Unlock()
	equal(expected, len(all), "messages stored")
	sort.Slice(all, func(a, b int) bool {
		if all[a].Queue.QueueId != all[b].Queue.QueueId {
			return all[a].Queue.QueueId < all[b].Queue.QueueId
		}
		return all[a].QueueOffset < all[b].QueueOffset
	})
	return all
}
