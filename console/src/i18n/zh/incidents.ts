export default {
  title: "故障事件",
};
