export default {
  title: "首次设置",
};
