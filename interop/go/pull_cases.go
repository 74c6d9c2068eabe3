package main

import (
	"context"
	"fmt"
	"time"

	"github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/producer"
)

func pullCases() []testCase {
	return []testCase{
		{"pull-statuses", pullStatuses},
		{"pull-tags", pullTags},
		{"pull-commits", pullCommits},
		{"pull-polls", pullPolls},
	}
}

// fill sends messages m0, m1… to one queue, tagged even and odd in turn.
func (s *scope) fill(topic string, queueID, count int) *primitive.MessageQueue {
	broker := send(s.producer(), message(s.topic(1), "whose broker")).MessageQueue.BrokerName
	queue := &primitive.MessageQueue{Topic: topic, BrokerName: broker, QueueId: queueID}
	client := s.producer(producer.WithQueueSelector(producer.NewManualQueueSelector()))
	for i := 0; i < count; i++ {
		one := message(topic, fmt.Sprint("m", i)).WithTag([]string{"even", "odd"}[i%2])
		one.Queue = queue
		send(client, one)
	}
	return queue
}

// settled gives the broker time to make what it has acknowledged available to pulls.
func settled(client rocketmq.PullConsumer, queue *primitive.MessageQueue, count int64) {
	within(10*time.Second, fmt.Sprint(count, " messages"), func() bool { return pullFrom(client, queue, 0, 1).MaxOffset == count })
}

func pullFrom(client rocketmq.PullConsumer, queue *primitive.MessageQueue, offset int64, count int) *primitive.PullResult {
	result, err := client.PullFrom(context.Background(), queue, offset, count)
	must(err, "pull")
	return result
}

func pullStatuses(s *scope) {
	topic := s.topic(1)
	queue := s.fill(topic, 0, 10)
	client := s.pull(s.unique("g"), topic, "*")
	settled(client, queue, 10)
	found := pullFrom(client, queue, 2, 5)
	equal(primitive.PullFound, found.Status, "messages there")
	equal(5, len(found.GetMessageExts()), "as many as asked for")
	equal(int64(7), found.NextBeginOffset, "next offset")
	equal(int64(0), found.MinOffset, "min offset")
	equal(int64(10), found.MaxOffset, "max offset")
	equal(primitive.PullNoNewMsg, pullFrom(client, queue, 10, 32).Status, "at the end")
	equal(primitive.PullOffsetIllegal, pullFrom(client, queue, 500, 32).Status, "beyond the end")
}

func pullTags(s *scope) {
	topic := s.topic(1)
	queue := s.fill(topic, 0, 20)
	settled(s.pull(s.unique("g"), topic, "*"), queue, 20)
	result := pullFrom(s.pull(s.unique("g"), topic, "odd || nobody"), queue, 0, 32)
	equal(primitive.PullFound, result.Status, "status")
	equal(10, len(result.GetMessageExts()), "odd ones")
	equal(int64(20), result.NextBeginOffset, "next offset")
	equal(primitive.PullNoMsgMatched, pullFrom(s.pull(s.unique("g"), topic, "nobody"), queue, 0, 32).Status, "no such tag")
}

func pullCommits(s *scope) {
	topic := s.topic(2)
	group := s.unique("g")
	queue := s.fill(topic, 1, 10)
	before := s.pull(group, topic, "*")
	polled := 0
	within(30*time.Second, "ten messages polled", func() bool {
		if request, err := before.Poll(context.Background(), time.Second); err == nil {
			polled += len(request.GetMsgList())
			before.ACK(context.Background(), request, consumer.ConsumeSuccess)
		}
		return polled == 10
	})
	must(before.PersistOffset(context.Background(), topic), "persist offset")
	must(before.Shutdown(), "shutdown")
	after := s.pull(group, topic, "*")
	within(10*time.Second, "offset of the group", func() bool {
		offset, err := after.CurrentOffset(queue)
		return err == nil && offset == 10
	})
}

func pullPolls(s *scope) {
	topic := s.topic(2)
	var sent []string
	for queue := 0; queue < 2; queue++ {
		s.fill(topic, queue, 10)
	}
	for i := 0; i < 10; i++ {
		sent = append(sent, fmt.Sprint("m", i))
	}
	client := s.pull(s.unique("g"), topic, "*")
	got := &inbox{}
	within(40*time.Second, "twenty messages polled", func() bool {
		request, err := client.Poll(context.Background(), time.Second)
		if err == nil {
			got.put(0, request.GetMsgList())
			client.ACK(context.Background(), request, consumer.ConsumeSuccess)
		}
		return got.size() >= 20
	})
	equal([]string(nil), got.missing(sent), "missing")
	equal(20, got.size(), "messages")
}
